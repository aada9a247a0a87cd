import ArgumentParser
import MartletClient

/// `martlet dead redrive`: gives dead jobs another try.
struct DeadRedrive: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redrive",
        abstract: "Make dead jobs ready again.",
        discussion: """
            Examples:
              martlet dead redrive --queue images --error 9ae16a3b2f90404f --rate 50
              martlet dead redrive --all --dry-run
            """)

    @OptionGroup var selected: DeadSelectionOptions
    @OptionGroup var retrying: RetryOptions
    @OptionGroup var carrying: ChangeOptions
    @OptionGroup var server: ServerOptions

    func validate() throws { try run.validate() }

    func run() async throws { try await run.perform(on: server) }

    private var run: JobChangeRun {
        get throws {
            JobChangeRun(
                retrying.change, verb: .redrive, of: try selected.selection(), carrying,
                asks: .never)
        }
    }
}
