import ArgumentParser
import MartletClient

/// `martlet queue purge`: deletes a queue's jobs.
struct QueuePurge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purge",
        abstract: "Delete the jobs of a queue, all or those that match; running ones stay.",
        discussion: """
            Asks first; --yes answers beforehand.

            Examples:
              martlet queue purge images --state scheduled --until 1d --dry-run
              martlet queue purge images --yes
            """)

    @OptionGroup var queue: NamedQueue
    @OptionGroup(title: "Filters") var states: StateOption
    @OptionGroup(title: "Filters") var filter: JobFilterOptions
    @OptionGroup var carrying: ChangeOptions
    @OptionGroup var server: ServerOptions

    func validate() throws { try run.validate() }

    func run() async throws { try await run.perform(on: server) }

    private var run: JobChangeRun {
        JobChangeRun(
            .purge, verb: .purge,
            of: .all(filter.query(queue: queue.name, states: states.states)), carrying,
            asks: .always)
    }
}
