import ArgumentParser
import MartletClient
import MartletWire

/// `martlet job list`: jobs, a page or all of them.
struct JobList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List jobs, newest first.",
        discussion: """
            A list is read from a snapshot that is at most 100 ms old. When there are more
            jobs than --limit, the cursor of the next page goes to standard error.

            Examples:
              martlet job list --queue images --state dead
              martlet job list --all --json | jq -r 'select(.attempts > 3) | .id'
            """)

    @Option(help: ArgumentHelp("Only this queue.", valueName: "name"))
    var queue: String?

    @Option(
        help: ArgumentHelp(
            "Only jobs in this state; may be repeated.",
            valueName: "state"))
    var state: [StateArgument] = []

    @Option(help: ArgumentHelp("Only this type.", valueName: "type"))
    var type: String?

    @Option(help: ArgumentHelp("Jobs to show.", valueName: "count"))
    var limit: Int = 50

    @Option(help: ArgumentHelp("Go on where a page ended.", valueName: "cursor"))
    var cursor: Cursor?

    @Flag(help: "Every job, however many there are.")
    var all = false

    @Flag(help: "Oldest first.")
    var oldestFirst = false

    @Flag(help: "One JSON object a job, a line each.")
    var json = false

    @OptionGroup var server: ServerOptions

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit is at least 1, not \(limit).") }
    }

    func run() async throws {
        try await ServerClient.with(server) { client in
            var left = all ? Int.max : limit
            var request = List(
                queue: queue ?? "",
                states: state.reduce(into: []) { $0.insert(JobStates($1.state)) },
                order: oldestFirst ? .oldestFirst : .newestFirst, limit: 1,
                cursor: cursor?.bytes ?? [], filter: JobFilter(type: type))
            var table = JobTable()
            repeat {
                request.limit = UInt16(min(left, Int(Limits.listLimitMax)))
                let page = try await client.request(request, expecting: JobPage.self)
                for job in page.jobs {
                    if json { JobReport.write(job, json: true) } else { table.add(job) }
                }
                left -= page.jobs.count
                request.cursor = page.cursor
            } while left > 0 && !request.cursor.isEmpty
            if !json { table.write() }
            if !request.cursor.isEmpty {
                StandardError.write("more: --cursor \(Cursor(bytes: request.cursor))\n")
            }
        }
    }
}

/// The opaque end of a page, in hexadecimal.
struct Cursor: ExpressibleByArgument, CustomStringConvertible {
    let bytes: [UInt8]

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    init?(argument: String) {
        let digits = argument.compactMap(\.hexDigitValue)
        guard digits.count == argument.count, digits.count.isMultiple(of: 2), digits.count <= 510
        else { return nil }
        bytes = stride(from: 0, to: digits.count, by: 2).map {
            UInt8(digits[$0] << 4 | digits[$0 + 1])
        }
    }

    var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

/// A job's state by its name.
struct StateArgument: ExpressibleByArgument {
    let state: JobState

    init?(argument: String) {
        guard let state = JobState.allCases.first(where: { "\($0)" == argument }) else {
            return nil
        }
        self.state = state
    }

    static var allValueStrings: [String] { JobState.allCases.map { "\($0)" } }
}
