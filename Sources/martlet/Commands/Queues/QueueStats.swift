import ArgumentParser
import MartletClient

/// `martlet queue stats`: all that is counted of some queues.
struct QueueStats: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Show what is counted of queues, and how long their jobs waited and ran.",
        discussion: """
            Times are estimates, right within a factor of two.

            Example:
              martlet queue stats images --json | jq .last_minute
            """)

    @Argument(help: ArgumentHelp("Names of queues.", valueName: "queue"))
    var queues: [QueueArgument]

    @Flag(help: "One JSON object a queue, a line each.")
    var json = false

    @OptionGroup var server: ServerOptions

    func validate() throws {
        for queue in queues { try queue.validate() }
    }

    func run() async throws {
        try await ServerClient.with(server) { client in
            for (index, queue) in queues.enumerated() {
                let status = try await client.queue(queue.name)
                let times = try await client.times(in: queue.name)
                if index > 0, !json { StandardOutput.write(line: "") }
                QueueStatsReport(status, times).write(json: json)
            }
        }
    }
}
