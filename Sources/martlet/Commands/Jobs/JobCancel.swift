import ArgumentParser
import MartletClient

/// `martlet job cancel`: ends jobs before they are done.
struct JobCancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Cancel jobs.",
        discussion: """
            A job that waits is cancelled at once. The worker of a running one is told, and
            has --grace to stop; then it loses the job. A finished job is a conflict
            (exit 6). Filters select waiting and running jobs unless --state says
            otherwise, and the server works through them; that asks first.

            Examples:
              martlet job cancel 0000000k5m2q --reason "wrong file"
              martlet job cancel --queue images --tag customer-17 --dry-run
            """)

    @OptionGroup var selected: JobSelectionOptions

    @Option(help: ArgumentHelp("Why, for whoever looks at the job.", valueName: "text"))
    var reason: String = ""

    @Option(
        help: ArgumentHelp(
            "What a running job gets to stop in, up to 1d (default 10s).", valueName: "time"))
    var grace: TimeSpan?

    @OptionGroup var carrying: ChangeOptions
    @OptionGroup var server: ServerOptions

    func validate() throws { try run.validate() }

    func run() async throws { try await run.perform(on: server) }

    private var run: JobChangeRun {
        get throws {
            JobChangeRun(
                .cancel(reason: reason, grace: grace?.duration), verb: .cancel,
                of: try selected.selection(), carrying, asks: .ofMany)
        }
    }
}
