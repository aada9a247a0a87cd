package import Store

/// A page of jobs, read from a snapshot.
package struct JobListRequest: Sendable {
    /// Nil: all queues.
    package var queue: String?
    /// Bit n: state n. 0: all.
    package var states: UInt16
    package var type: String?
    package var oldestFirst: Bool
    package var limit: Int
    /// The last job that the page before looked at; nil: from the end.
    package var after: UInt64?

    package init(
        queue: String?, states: UInt16, type: String?, oldestFirst: Bool, limit: Int, after: UInt64?
    ) {
        self.queue = queue
        self.states = states
        self.type = type
        self.oldestFirst = oldestFirst
        self.limit = limit
        self.after = after
    }
}

package struct JobListPage: Sendable {
    package var jobs: [(job: JobInspection, queue: String)] = []
    /// The last job looked at, when there may be more.
    package var next: UInt64?
    package var asOf: UInt64 = 0
}

extension JobInspector {
    /// Rows that one page looks at: an honest "more" comes after that many.
    static let rowsPerPage = 10_000

    package static func list(
        _ request: JobListRequest, _ snapshot: borrowing Snapshot
    ) throws -> JobListPage {
        let names = try queueNames(snapshot)
        var reading = ListReading(request, names, asOf: snapshot.asOf)
        guard let queue = request.queue else {
            try reading.read(snapshot)
            return reading.page
        }
        guard let known = names.first(where: { $0.value == queue }) else { return reading.page }
        reading.queue = known.key
        try reading.read(snapshot)
        return reading.page
    }

    private static func queueNames(_ snapshot: borrowing Snapshot) throws -> [UInt32: String] {
        var names: [UInt32: String] = [:]
        try snapshot.scan(Tables.queues, from: .queue(0)) { key, reader in
            names[try key.u32()] = try reader.string8()
            return .next
        }
        return names
    }
}

/// One page while it is being read.
private struct ListReading {
    let request: JobListRequest
    let names: [UInt32: String]
    /// Only jobs of this queue.
    var queue: UInt32?
    var page: JobListPage
    private var looked = 0
    /// The last job looked at.
    private var last: UInt64

    init(_ request: JobListRequest, _ names: [UInt32: String], asOf: UInt64) {
        self.request = request
        self.names = names
        page = JobListPage(asOf: asOf)
        last = request.after ?? (request.oldestFirst ? 0 : .max)
    }

    /// Reads on behind each damaged row: whoever delivers or shows that job reports it.
    mutating func read(_ snapshot: borrowing Snapshot) throws {
        var start: Key? = request.after == nil ? .job(last) : keyAfterLast
        while let from = start {
            do {
                return try read(snapshot, from: from)
            } catch let error as StoreError {
                guard case .damaged(let table, let key) = error.code else { throw error }
                if table == Tables.jobs, key.count == 8 {
                    last = key.reduce(0) { $0 << 8 | UInt64($1) }
                }
                start = keyAfterLast
            }
        }
    }

    private mutating func read(_ snapshot: borrowing Snapshot, from start: Key) throws {
        let isReverse = !request.oldestFirst
        try snapshot.scan(Tables.jobs, from: start, reverse: isReverse) { key, reader in
            guard looked < JobInspector.rowsPerPage, page.jobs.count < request.limit else {
                page.next = last
                return .stop
            }
            looked += 1
            last = try key.u64()
            guard mayAccept(try JobRow(from: &reader)) else { return .next }
            if let job = try JobInspector.inspect(last, snapshot), request.accepts(job.state) {
                page.jobs.append((job, names[job.queueID] ?? ""))
            }
            return .next
        }
    }

    /// Nil when no id can come any more.
    private var keyAfterLast: Key? {
        if request.oldestFirst { return last < .max ? .job(last + 1) : nil }
        return last > 0 ? .job(last - 1) : nil
    }

    /// Whether the row alone does not rule the job out.
    private func mayAccept(_ row: JobRow) -> Bool {
        if let queue, row.queue != queue { return false }
        if let type = request.type, !type.utf8.elementsEqual(row.type) { return false }
        return request.mayAccept(row.state)
    }
}

extension JobListRequest {
    /// What the row of a waiting job does not say is where it waits, or that it runs.
    fileprivate func mayAccept(_ state: StoredState) -> Bool {
        state.finished.map(accepts) ?? (accepts(.scheduled) || accepts(.ready) || accepts(.running))
    }

    fileprivate func accepts(_ state: JobState) -> Bool {
        states == 0 || states & (1 << UInt16(state.rawValue)) != 0
    }
}
