import ArgumentParser
import MartletClient

/// `martlet queue get`: what queues were told.
struct QueueGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Show the settings of queues.",
        discussion: """
            Example:
              martlet queue get images --json | jq .defaults
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
                if index > 0, !json { StandardOutput.write(line: "") }
                QueueSettingsReport(status).write(json: json)
            }
        }
    }
}
