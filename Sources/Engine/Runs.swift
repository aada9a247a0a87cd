import Store

/// Consecutive job ids.
package struct JobRun: Equatable, Sendable {
    package var first: UInt64
    package var count: UInt32

    package init(first: UInt64, count: UInt32) {
        self.first = first
        self.count = count
    }

    var end: UInt64 { first + UInt64(count) }

    func contains(_ id: UInt64) -> Bool { id >= first && id < end }

    /// Whether the other begins where this ends, and both fit one row.
    func isContinued(by other: JobRun) -> Bool {
        end == other.first && other.count <= UInt32.max - count
    }

    func joined(with next: JobRun) -> JobRun { JobRun(first: first, count: count + next.count) }
}

extension [JobRun] {
    var jobs: UInt64 { reduce(0) { $0 + UInt64($1.count) } }

    /// Takes a job out, if it is there.
    mutating func take(_ id: UInt64) -> Bool {
        guard let index = lastIndex(where: { $0.contains(id) }) else { return false }
        let run = self[index]
        let parts = [
            JobRun(first: run.first, count: UInt32(id - run.first)),
            JobRun(first: id + 1, count: UInt32(run.end - id - 1)),
        ]
        replaceSubrange(index...index, with: parts.filter { $0.count > 0 })
        return true
    }

    /// Adds a job, to the last run where it continues that.
    mutating func append(_ id: UInt64) {
        if let last = indices.last, self[last].end == id, self[last].count < .max {
            self[last].count += 1
        } else {
            append(JobRun(first: id, count: 1))
        }
    }

    /// The same jobs in ascending runs, as few as there can be.
    func merged() -> [JobRun] {
        guard count > 1 else { return self }
        var merged: [JobRun] = []
        for run in sorted(by: { $0.first < $1.first }) {
            if let last = merged.last, last.isContinued(by: run) {
                merged[merged.count - 1] = last.joined(with: run)
            } else {
                merged.append(run)
            }
        }
        return merged
    }
}

/// Where runs of jobs are stored: what their keys have in common. The rows are the numbers of jobs.
/// Runs of one place never overlap, and are joined where they touch.
protocol RunPlace: Hashable, Comparable {
    static var table: Table { get }

    func key(_ first: UInt64) -> Key

    /// The first job of a key; nil when it is of another place.
    func first(in key: inout KeyReader) throws(StoreError) -> UInt64?
}

extension RunPlace {
    /// The run that begins at `id` or last before it.
    func run<Source: Rows & ~Copyable>(
        atOrBefore id: UInt64, _ rows: borrowing Source
    ) throws -> JobRun? {
        let found = try rows.last(Self.table, atOrBefore: key(id)) { key, row -> JobRun? in
            guard let first = try first(in: &key) else { return nil }
            return JobRun(first: first, count: try row.u32())
        }
        return found ?? nil
    }

    func contains<Source: Rows & ~Copyable>(
        _ id: UInt64, _ rows: borrowing Source
    ) throws -> Bool {
        try run(atOrBefore: id, rows)?.contains(id) ?? false
    }

    /// Reads the runs that jobs are in, so that damage shows.
    func check<Source: Rows & ~Copyable>(_ jobs: JobRun, _ rows: borrowing Source) throws {
        _ = try run(atOrBefore: jobs.first, rows)
        try rows.scan(Self.table, from: key(jobs.first), to: key(jobs.end)) { _, _ in .next }
    }

    /// Adds jobs, joined with the runs that they continue and that continue them.
    /// - Returns: the run that has them now.
    @discardableResult
    func insert(_ run: JobRun, _ rows: borrowing Transaction) throws -> JobRun {
        var merged = run
        if let before = try self.run(atOrBefore: run.first, rows) {
            // Writing is begun anew when a damaged row was in the way.
            if before.end >= run.end { return before }
            if before.isContinued(by: run) { merged = before.joined(with: run) }
        }
        let after = try rows.get(Self.table, key(merged.end)) { row in
            JobRun(first: merged.end, count: try row.u32())
        }
        if let after, merged.isContinued(by: after) {
            _ = try rows.delete(Self.table, key(after.first))
            merged = merged.joined(with: after)
        }
        try put(merged, rows)
        return merged
    }

    /// Takes jobs out, from the middle of a stored run if need be.
    /// - Returns: those of them that were there.
    @discardableResult
    func remove(_ run: JobRun, _ rows: borrowing Transaction) throws -> [JobRun] {
        var removed: [JobRun] = []
        var end = run.end
        while end > run.first, let stored = try self.run(atOrBefore: end - 1, rows),
            stored.end > run.first
        {
            let from = max(stored.first, run.first)
            let to = min(stored.end, end)
            removed.append(JobRun(first: from, count: UInt32(to - from)))
            if from == stored.first {
                _ = try rows.delete(Self.table, key(stored.first))
            } else {
                try put(JobRun(first: stored.first, count: UInt32(from - stored.first)), rows)
            }
            if to < stored.end {
                try put(JobRun(first: to, count: UInt32(stored.end - to)), rows)
            }
            end = from
        }
        return removed
    }

    private func put(_ run: JobRun, _ rows: borrowing Transaction) throws {
        try rows.put(Self.table, key(run.first)) { $0.u32(run.count) }
    }
}

/// Jobs that this turn adds to stored runs and takes out of them, held back until they are written
/// together: as many jobs as follow each other change one run.
struct PendingRuns<Place: RunPlace> {
    /// The place that was named last: mostly the one that is named next.
    private var place: Place?
    private var changes = Changes()
    private var others: [Place: Changes] = [:]

    private struct Changes {
        var added: [JobRun] = []
        /// Never of those added.
        var removed: [JobRun] = []
    }

    var isEmpty: Bool { place == nil }

    mutating func add(_ id: UInt64, to place: Place) {
        look(at: place)
        if changes.removed.isEmpty || !changes.removed.take(id) { changes.added.append(id) }
    }

    mutating func remove(_ id: UInt64, from place: Place) {
        look(at: place)
        if changes.added.isEmpty || !changes.added.take(id) { changes.removed.append(id) }
    }

    /// Whether a job will be there; nil: as stored.
    func contains(_ id: UInt64, in place: Place) -> Bool? {
        guard let changes = place == self.place ? changes : others[place] else { return nil }
        if changes.added.contains(where: { $0.contains(id) }) { return true }
        return changes.removed.contains(where: { $0.contains(id) }) ? false : nil
    }

    private mutating func look(at place: Place) {
        guard place != self.place else { return }
        if let last = self.place { others[last] = changes }
        changes = others.removeValue(forKey: place) ?? Changes()
        self.place = place
    }

    mutating func write(_ rows: borrowing Transaction) throws {
        guard let place else { return }
        if others.isEmpty {
            try takeOut(changes, of: place, rows)
            try put(changes, into: place, rows)
        } else {
            others[place] = changes
            let sorted = others.sorted { $0.key < $1.key }
            // A job leaves one place before it joins another: the keys of timers would hide the one
            // behind the other.
            for (place, changes) in sorted { try takeOut(changes, of: place, rows) }
            for (place, changes) in sorted { try put(changes, into: place, rows) }
            others.removeAll(keepingCapacity: true)
        }
        changes.added.removeAll(keepingCapacity: true)
        changes.removed.removeAll(keepingCapacity: true)
        self.place = nil
    }

    private func takeOut(
        _ changes: Changes, of place: Place, _ rows: borrowing Transaction
    ) throws {
        for run in changes.removed.merged() { try place.remove(run, rows) }
    }

    private func put(
        _ changes: Changes, into place: Place, _ rows: borrowing Transaction
    ) throws {
        for run in changes.added.merged() { try place.insert(run, rows) }
    }
}

/// Where jobs of a queue are listed by state, those of each priority on their own while they are ready.
struct IndexPlace: RunPlace {
    var queue: UInt32
    var state: JobState
    /// 255 less the priority, of ready jobs; 0 in every other state.
    var order: UInt8

    static let table = Tables.index

    init(_ queue: UInt32, _ state: JobState, order: UInt8 = 0) {
        self.queue = queue
        self.state = state
        self.order = order
    }

    func key(_ first: UInt64) -> Key {
        Key().adding(u32: queue).adding(u8: state.rawValue).adding(u8: order).adding(u64: first)
    }

    func first(in key: inout KeyReader) throws(StoreError) -> UInt64? {
        guard try key.u32() == queue, try key.u8() == state.rawValue, try key.u8() == order
        else { return nil }
        return try key.u64()
    }

    static func < (one: IndexPlace, other: IndexPlace) -> Bool {
        (one.queue, one.state, one.order) < (other.queue, other.state, other.order)
    }
}
