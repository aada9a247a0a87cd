import ArgumentParser
import Foundation
import MartletClient

/// `martlet job retry`: gives finished and waiting jobs another try.
struct JobRetry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Make dead, cancelled, expired or scheduled jobs ready again.",
        discussion: """
            A running or completed job is a conflict (exit 6). Filters select dead jobs
            unless --state says otherwise.

            Examples:
              martlet job retry 0000000k5m2q
              martlet job retry --queue images --error 9ae16a3b2f90404f --rate 50
            """)

    @OptionGroup var selected: JobSelectionOptions
    @OptionGroup var retrying: RetryOptions
    @OptionGroup var carrying: ChangeOptions
    @OptionGroup var server: ServerOptions

    func validate() throws { try run.validate() }

    func run() async throws { try await run.perform(on: server) }

    private var run: JobChangeRun {
        get throws {
            JobChangeRun(
                retrying.change, verb: .retry, of: try selected.selection(), carrying,
                asks: .never)
        }
    }
}

/// How jobs are tried again.
struct RetryOptions: ParsableArguments {
    @Flag(help: "Failures, crashes and interruptions go on counting, in place of beginning with 0.")
    var keepCounters = false

    @OptionGroup var due: DueOptions

    /// A delay is told as the instant that it ends at.
    var change: JobChange {
        let delayed = due.delay.map { Date.now + Double($0.milliseconds) / 1000 }
        return .retry(keepingCounters: keepCounters, at: due.runAt?.date ?? delayed)
    }
}
