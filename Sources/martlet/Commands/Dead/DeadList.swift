import ArgumentParser
import MartletClient

/// `martlet dead list`: dead jobs, a page or all of them.
struct DeadList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List dead jobs, those submitted last first.",
        discussion: """
            Example:
              martlet dead list --queue images --since 1d
            """)

    @OptionGroup(title: "Filters") var queue: QueueOption
    @OptionGroup(title: "Filters") var filter: JobFilterOptions

    @Flag(help: "Oldest first.")
    var oldestFirst = false

    @OptionGroup var page: PageOptions
    @OptionGroup var server: ServerOptions

    func run() async throws {
        let query = filter.query(queue: queue.queue, states: [.dead])
        try await ServerClient.with(server) { client in
            try await JobPages.write(
                query.list(newestFirst: !oldestFirst), page, from: client, as: .dead)
        }
    }
}
