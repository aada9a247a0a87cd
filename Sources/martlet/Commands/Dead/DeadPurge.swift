import ArgumentParser
import MartletClient

/// `martlet dead purge`: deletes dead jobs.
struct DeadPurge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purge",
        abstract: "Delete dead jobs.",
        discussion: """
            Asks first; --yes answers beforehand.

            Examples:
              martlet dead purge --queue images --until 7d --dry-run
              martlet dead purge --all --yes
            """)

    @OptionGroup var selected: DeadSelectionOptions
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
