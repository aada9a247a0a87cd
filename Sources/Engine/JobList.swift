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
        var page = JobListPage(asOf: snapshot.asOf)
        let names = try queueNames(snapshot)
        let ids = try candidates(request, names, snapshot, &page)
        for id in ids {
            guard let job = try inspect(id, snapshot), request.accepts(job) else { continue }
            page.jobs.append((job, names[job.queueID] ?? ""))
            guard page.jobs.count < request.limit else {
                if id != ids.last || page.next != nil { page.next = id }
                break
            }
        }
        return page
    }

    /// Jobs whose rows alone do not rule them out, in order.
    private static func candidates(
        _ request: JobListRequest, _ names: [UInt32: String], _ snapshot: borrowing Snapshot,
        _ page: inout JobListPage
    ) throws -> [UInt64] {
        var ids: [UInt64] = []
        var looked = 0
        var last: UInt64 = 0
        var isCut = false
        try snapshot.scan(Tables.jobs, from: request.start, reverse: !request.oldestFirst) {
            key, reader in
            guard looked < rowsPerPage else {
                isCut = true
                return .stop
            }
            looked += 1
            last = try key.u64()
            let row = try JobRow(from: &reader)
            if request.mayAccept(row, names) { ids.append(last) }
            return .next
        }
        if isCut { page.next = last }
        return ids
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

extension JobListRequest {
    var start: Key {
        guard let after else { return .job(oldestFirst ? 0 : .max) }
        return .job(oldestFirst ? after + 1 : after - 1)
    }

    func mayAccept(_ row: JobRow, _ names: [UInt32: String]) -> Bool {
        if let queue, names[row.queue] != queue { return false }
        if let type, !type.utf8.elementsEqual(row.type) { return false }
        return states == 0 || states & stateBits(row.state) != 0
    }

    func accepts(_ job: JobInspection) -> Bool {
        states == 0 || states & (1 << UInt16(job.state.rawValue)) != 0
    }

    /// A row that says ready may turn out to be running.
    private func stateBits(_ state: JobState) -> UInt16 {
        let bit: UInt16 = 1 << UInt16(state.rawValue)
        return state == .ready ? bit | 1 << UInt16(JobState.running.rawValue) : bit
    }
}
