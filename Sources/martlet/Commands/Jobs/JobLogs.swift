import ArgumentParser
import MartletClient
import MartletWire

/// `martlet job logs`: the lines that a job's handlers logged.
struct JobLogs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Show what a job's handlers logged.",
        discussion: """
            The server keeps a job's last 1,000 lines, as long as the job. Each line of the
            log has an offset that counts from 0: a cursor is the offset to go on from.

            Example:
              martlet job logs 0000000k5m2q --all
            """)

    @Argument(help: ArgumentHelp("Id of a job.", valueName: "id"))
    var job: JobArgument

    @Option(help: ArgumentHelp("Lines to show (default \(PageOptions.usual)).", valueName: "count"))
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
            var left = all ? Int.max : limit ?? PageOptions.usual
            var next = cursor
            var hasMore = true
            while left > 0, hasMore {
                let limit = UInt16(min(left, Int(Limits.logLimitMax)))
                let page = try await job.ask { id throws(MartletError) in
                    try await client.logPage(of: id, from: next, limit: limit)
                }
                for line in page.lines { write(JobLog.Line(line)) }
                left -= page.lines.count
                next = page.next
                hasMore = page.lines.count == Int(limit)
            }
            if hasMore { StandardError.write("more: --cursor \(next)\n") }
        }
    }

    private func write(_ line: JobLog.Line) {
        StandardOutput.write(
            line: json ? LogLineJSON(line).object.text : "\(line.at.rfc3339)  \(line.text)")
    }
}
