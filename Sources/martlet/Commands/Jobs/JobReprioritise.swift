import ArgumentParser
import MartletClient

/// `martlet job reprioritise`: moves jobs ahead of others, or behind.
struct JobReprioritise: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reprioritise",
        abstract: "Change the priority of waiting or dead jobs.",
        discussion: """
            Example:
              martlet job reprioritise --queue images --tag customer-17 --priority 200
            """)

    @OptionGroup var selected: JobSelectionOptions

    @Option(help: ArgumentHelp("255 runs first, 0 last.", valueName: "priority"))
    var priority: Int

    @OptionGroup var carrying: ChangeOptions
    @OptionGroup var server: ServerOptions

    func validate() throws {
        try Priority.check(priority)
        try run.validate()
    }

    func run() async throws { try await run.perform(on: server) }

    private var run: JobChangeRun {
        get throws {
            JobChangeRun(
                .reprioritise(UInt8(clamping: priority)), verb: .reprioritise,
                of: try selected.selection(), carrying, asks: .never)
        }
    }
}
