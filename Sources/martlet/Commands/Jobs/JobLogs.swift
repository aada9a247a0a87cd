import ArgumentParser
import MartletClient

/// `martlet job logs`: the lines that a job's handlers logged.
struct JobLogs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Show what a job's handlers logged.",
        discussion: """
            The server keeps a job's last 1,000 lines, as long as the job. Each line of the
            log has an offset that counts from 0: a cursor is the offset to go on from.
            With --follow, first come the lines that are kept, then new ones until the job
            is finished.

            Examples:
              martlet job logs 0000000k5m2q --all
              martlet job logs 0000000k5m2q --follow --since 5m
            """)

    @Argument(help: ArgumentHelp("Id of a job.", valueName: "id"))
    var job: JobArgument

    @Flag(name: [.short, .long], help: "Wait for new lines, until the job is finished.")
    var follow = false

    @Option(
        help: ArgumentHelp(
            "Only lines logged at most this long ago (5m), or since then (2026-11-22T10:00:00Z).",
            valueName: "when"))
    var since: PastInstant?

    @Option(
        help: ArgumentHelp(
            "Lines to show (default \(PageOptions.usual); all with --follow).", valueName: "count"))
    var limit: Int?

    @Option(help: ArgumentHelp("Go on at this offset.", valueName: "offset"))
    var cursor: UInt64 = 0

    @Flag(help: "All lines that are kept.")
    var all = false

    @Flag(help: "One JSON object a line.")
    var json = false

    @OptionGroup var server: ServerOptions

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit is at least 1, not \(limit).") }
        guard limit == nil || !all else {
            throw ValidationError("--limit and --all exclude each other.")
        }
    }

    func run() async throws {
        try await ServerClient.with(server) { client in
            try await job.ask { id throws(MartletError) in
                let log = client.logs(of: id, from: cursor)
                try await write(follow ? log.following : log)
            }
        }
    }

    private func write(_ log: JobLog) async throws(MartletError) {
        var left = limit ?? (all || follow ? .max : PageOptions.usual)
        var expected = cursor
        for try await line in log {
            guard left > 0 else {
                return StandardError.write("more: --cursor \(line.offset)\n")
            }
            if line.offset > expected { tell(missing: line.offset - expected) }
            expected = line.offset + 1
            if let since, line.at < since.date { continue }
            write(line)
            left -= 1
            if left == 0, follow { return }
        }
    }

    private func tell(missing count: UInt64) {
        let lines = count == 1 ? "line is" : "lines are"
        StandardError.complain("\(Quantity.grouped(count)) \(lines) no longer kept.")
    }

    private func write(_ line: JobLog.Line) {
        StandardOutput.write(
            line: json ? LogLineJSON(line).object.text : "\(line.at.rfc3339)  \(line.text)")
    }
}
