import ArgumentParser
import Foundation
import MartletClient
import MartletWire

/// `martlet queue …`: looks at queues.
struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "Look at queues.",
        subcommands: [QueueList.self, QueueStats.self])
}

/// `martlet queue list`: all queues with their counters.
struct QueueList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the queues with their counters.",
        discussion: """
            Example:
              martlet queue list --json | jq -r 'select(.dead > 0) | .name'
            """)

    @Flag(help: "One JSON object a queue, a line each.")
    var json = false

    @OptionGroup var server: ServerOptions

    func run() async throws {
        try await ServerClient.with(server) { client in
            var request = Queues()
            var report = QueueReport(json: json)
            repeat {
                let page = try await client.request(request, expecting: QueuePage.self)
                for queue in page.queues { report.add(queue) }
                request.cursor = page.cursor
            } while !request.cursor.isEmpty
            report.write()
        }
    }
}

/// `martlet queue stats`: the counters of some queues.
struct QueueStats: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Show the counters of queues.",
        discussion: """
            Example:
              martlet queue stats images
            """)

    @Argument(help: ArgumentHelp("Names of queues.", valueName: "queue"))
    var queues: [String]

    @Flag(help: "One JSON object a queue, a line each.")
    var json = false

    @OptionGroup var server: ServerOptions

    func run() async throws {
        try await ServerClient.with(server) { client in
            var report = QueueReport(json: json)
            for queue in queues {
                let request = Queues(queue: queue)
                let page = try await client.request(request, expecting: QueuePage.self)
                for queue in page.queues { report.add(queue) }
            }
            report.write()
        }
    }
}

/// Queues as the command line shows them: JSON lines at once, or columns at the end.
struct QueueReport {
    private let json: Bool
    private var table = Table([
        .text("QUEUE"), .number("READY"), .number("RUNNING"), .number("SCHEDULED"), .number("DEAD"),
        .number("COMPLETED"), .number("OLDEST"),
    ])

    init(json: Bool) {
        self.json = json
    }

    mutating func add(_ info: QueueInfo) {
        let queue = QueueStatus(info)
        if json {
            return StandardOutput.write(line: QueueJSON(queue, now: .now).object.text)
        }
        let counts = [queue.ready, queue.running, queue.scheduled, queue.dead, queue.completed]
        let oldest = queue.oldestReadyAt.map {
            Quantity.age(seconds: max(0, -$0.timeIntervalSinceNow))
        }
        table.add([queue.name] + counts.map { Quantity.grouped($0) } + [oldest ?? "–"])
    }

    func write() {
        if !json { table.write() }
    }
}
