import ArgumentParser
import MartletClient

/// `martlet job delete`: removes finished jobs.
struct JobDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete finished jobs.",
        discussion: """
            Asks first; --yes answers beforehand. A job that is not finished is a conflict
            (exit 6): cancel it, or see `martlet queue purge`. Filters select all finished
            jobs unless --state says otherwise.

            Examples:
              martlet job delete 0000000k5m2q --yes
              martlet job delete --queue images --state completed --until 1h --dry-run
            """)

    @OptionGroup var selected: JobSelectionOptions
    @OptionGroup var carrying: ChangeOptions
    @OptionGroup var server: ServerOptions

    func validate() throws { try run.validate() }

    func run() async throws { try await run.perform(on: server) }

    private var run: JobChangeRun {
        get throws {
            JobChangeRun(
                .delete, verb: .delete, of: try selected.selection(), carrying, asks: .always)
        }
    }
}
