import ArgumentParser
import MartletClient
import MartletWire

/// `martlet job list`: jobs, a page or all of them.
struct JobList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List jobs, newest first.",
        discussion: """
            A job is shown when all filters match. When there are more jobs than --limit,
            the cursor of the next page goes to standard error.

            Examples:
              martlet job list --queue images --state dead --since 2h
              martlet job list --all --json | jq -r 'select(.attempts > 3) | .id'
              martlet job list --tag customer-17 --count
            """)

    @OptionGroup(title: "Filters") var queue: QueueOption
    @OptionGroup(title: "Filters") var states: StateOption
    @OptionGroup(title: "Filters") var filter: JobFilterOptions

    @Flag(help: "Oldest first.")
    var oldestFirst = false

    @Flag(help: "Only how many there are.")
    var count = false

    @OptionGroup var page: PageOptions
    @OptionGroup var server: ServerOptions

    func validate() throws {
        guard !count || (page.limit == nil && page.cursor == nil && !page.json) else {
            throw ValidationError("--count is one number: no --limit, --cursor or --json.")
        }
    }

    func run() async throws {
        let query = filter.query(queue: queue.queue, states: states.states)
        try await ServerClient.with(server) { client in
            if count {
                let count = try await client.count(matching: query)
                return StandardOutput.write(line: "\(count)")
            }
            try await JobPages.write(
                query.list(newestFirst: !oldestFirst), page, from: client, as: .any)
        }
    }
}

/// Lists of jobs that show all that was acknowledged before.
enum JobPages {
    /// Writes as many jobs as are wanted: JSON lines as they come, columns at the end.
    static func write(
        _ first: List, _ options: PageOptions, from client: MartletClient, as columns: JobTable.Kind
    ) async throws {
        var request = first
        request.cursor = options.cursor?.bytes ?? []
        var left = options.count
        var table = JobTable(columns)
        repeat {
            request.limit = UInt16(min(left, Int(Limits.listLimitMax)))
            let page = try await client.page(of: request)
            for job in page.jobs {
                if options.json { JobReport.write(job, json: true) } else { table.add(job) }
            }
            left -= page.jobs.count
            request.cursor = page.cursor
            request.isFresh = false
        } while left > 0 && !request.cursor.isEmpty
        if !options.json { table.write() }
        PageOptions.tell(next: request.cursor)
    }

    /// Waits until whatever reads a snapshot sees all that was acknowledged before.
    static func awaitFreshSnapshot(_ client: MartletClient) async throws {
        _ = try await client.page(of: List(limit: 1, isFresh: true))
    }
}
