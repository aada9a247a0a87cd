package import Store

/// A page of jobs, read from a snapshot.
package struct JobListRequest: Sendable {
    package var filter: JobFilter
    package var oldestFirst: Bool
    package var limit: Int
    /// Where the page before got to; nil: from the end.
    package var after: UInt64?
    /// Only how many match.
    package var countsOnly: Bool

    package init(
        _ filter: JobFilter, oldestFirst: Bool, limit: Int, after: UInt64?, countsOnly: Bool = false
    ) {
        self.filter = filter
        self.oldestFirst = oldestFirst
        self.limit = limit
        self.after = after
        self.countsOnly = countsOnly
    }
}

package struct JobListPage: Sendable {
    package var jobs: [(job: JobInspection, queue: String)] = []
    /// Jobs that matched on this page.
    package var matched = 0
    /// The last job looked at, when there may be more.
    package var next: UInt64?
    /// Milliseconds since 1970.
    package var asOf: UInt64 = 0
}

extension JobInspector {
    /// Rows that one page looks at: an honest "more" comes after that many.
    static let rowsPerPage = 10_000

    package static func list(
        _ request: JobListRequest, _ snapshot: borrowing Snapshot
    ) throws -> JobListPage {
        let queues = try storedQueues(snapshot)
        var page = JobListPage(asOf: snapshot.asOf)
        let filter = request.filter
        if request.countsOnly, filter.isOfPlacesAlone {
            page.matched = queues.reduce(0) { $0 + $1.row.count(filter) }
            return page
        }
        var search = try JobSearch(
            filter, after: request.after, descending: !request.oldestFirst, queues: queues,
            snapshot)
        if request.countsOnly {
            page.matched = try search.count(rowsMax: rowsPerPage, snapshot)
        } else {
            let names = Dictionary(uniqueKeysWithValues: queues.map { ($0.id, $0.row.name) })
            for id in try search.find(request.limit, rowsMax: rowsPerPage, snapshot) {
                guard let job = try inspectUndamaged(id, snapshot) else { continue }
                page.jobs.append((job, names[job.queueID] ?? ""))
            }
            page.matched = page.jobs.count
        }
        page.next = try next(after: &search, isFull: page.jobs.count == request.limit, snapshot)
        return page
    }

    /// Where the next page begins. A full page looks for one more job, so that the last one says that
    /// it is the last.
    private static func next(
        after search: inout JobSearch, isFull: Bool, _ snapshot: borrowing Snapshot
    ) throws -> UInt64? {
        guard !search.isAtEnd else { return nil }
        let reached = search.reached
        guard isFull else { return reached }
        let isLast = try search.find(1, rowsMax: rowsPerPage, snapshot).isEmpty && search.isAtEnd
        return isLast ? nil : reached
    }

    private static func inspectUndamaged(
        _ id: UInt64, _ snapshot: borrowing Snapshot
    ) throws -> JobInspection? {
        do {
            return try inspect(id, snapshot)
        } catch let error as StoreError {
            _ = try damagedJob(error)
            return nil
        }
    }

    static func storedQueues<Source: Rows & ~Copyable>(
        _ rows: borrowing Source
    ) throws -> [(id: UInt32, row: QueueRow)] {
        var queues: [(id: UInt32, row: QueueRow)] = []
        try rows.scan(Tables.queues, from: .queue(0)) { key, reader in
            queues.append((try key.u32(), try QueueRow(from: &reader)))
            return .next
        }
        return queues
    }
}
