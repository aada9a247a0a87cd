import ArgumentParser
import MartletClient

/// `martlet queue list`: queues with their counters.
struct QueueList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the queues with their counters, by name.",
        discussion: """
            COMPLETED counts all since the queue was made, kept or not; the other states
            count what is there.

            Example:
              martlet queue list --all --json | jq -r 'select(.dead > 0) | .name'
            """)

    @OptionGroup var page: PageOptions
    @OptionGroup var server: ServerOptions

    func run() async throws {
        // A page ends with a name, and its cursor is that name.
        let last = String(decoding: page.cursor?.bytes ?? [], as: UTF8.self)
        try await ServerClient.with(server) { client in
            let queues = try await client.queues().filter { $0.name > last }
                .sorted { $0.name < $1.name }
            let shown = queues.prefix(page.count)
            var report = QueueReport(json: page.json)
            for queue in shown { report.add(queue) }
            report.write()
            if shown.count < queues.count, let last = shown.last {
                PageOptions.tell(next: Array(last.name.utf8))
            }
        }
    }
}
