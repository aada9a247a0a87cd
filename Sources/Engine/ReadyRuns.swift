import Store

/// The ready jobs of one queue, in order of delivery, as rows that each hold a run of consecutive ids.
///
/// Changes of the turn are held back: the head run shrinks in memory, and jobs that become ready
/// wait in `arrived`. A job that comes and goes within one turn touches no row.
/// `flush` writes what is left, once a turn.
struct ReadyRuns {
    private let queue: UInt32
    /// The first stored run, less what this turn took from it. Nil: look it up.
    private var head: Run?
    /// The id that `head` is stored under; it differs from `head.first` when this turn took from it.
    private var headStoredAt: UInt64 = 0
    private var arrived: [Run] = []
    /// Jobs in stored runs, those of `head` as they are now.
    private var storedJobs: UInt64

    struct Run: Equatable {
        var order: UInt8
        var jobs: JobRun

        func precedes(_ other: Run) -> Bool {
            (order, jobs.first) < (other.order, other.jobs.first)
        }
    }

    init(queue: UInt32, storedJobs: UInt64) {
        self.queue = queue
        self.storedJobs = storedJobs
    }

    // MARK: Verbs

    /// Makes a job ready, at the place that its id gives it.
    mutating func insert(_ id: UInt64, order: UInt8, _ rows: borrowing Transaction) throws {
        if let last = arrived.indices.last, arrived[last].order == order,
            arrived[last].jobs.end == id
        {
            arrived[last].jobs.count += 1
            return
        }
        if arrived.count >= EngineLimits.pendingRunsMax { try flush(rows) }
        let run = Run(order: order, jobs: JobRun(first: id, count: 1))
        let place = arrived.firstIndex { run.precedes($0) } ?? arrived.endIndex
        arrived.insert(run, at: place)
    }

    /// Takes up to `limit` consecutive jobs from the head of the queue.
    mutating func take(_ limit: UInt32, _ rows: borrowing Transaction) throws -> Run? {
        try findHead(rows)
        if let first = arrived.first, head.map({ first.precedes($0) }) ?? true {
            let taken = min(limit, first.jobs.count)
            arrived[0].jobs.first += UInt64(taken)
            arrived[0].jobs.count -= taken
            if arrived[0].jobs.count == 0 { arrived.removeFirst() }
            return Run(order: first.order, jobs: JobRun(first: first.jobs.first, count: taken))
        }
        guard let run = head else { return nil }
        let taken = min(limit, run.jobs.count)
        storedJobs -= UInt64(taken)
        if taken == run.jobs.count {
            _ = try rows.delete(Tables.ready, .ready(queue, run.order, headStoredAt))
            head = nil
        } else {
            head?.jobs.first += UInt64(taken)
            head?.jobs.count -= taken
        }
        return Run(order: run.order, jobs: JobRun(first: run.jobs.first, count: taken))
    }

    /// Puts back what was taken last and not delivered: the tail of the run just taken.
    mutating func putBack(_ run: Run, _ rows: borrowing Transaction) throws {
        guard run.jobs.count > 0 else { return }
        if let first = arrived.first, first.order == run.order, first.jobs.first == run.jobs.end {
            arrived[0].jobs.first = run.jobs.first
            arrived[0].jobs.count += run.jobs.count
        } else {
            let place = arrived.firstIndex { run.precedes($0) } ?? arrived.endIndex
            arrived.insert(run, at: place)
        }
    }

    /// The id of the job that would be delivered next.
    mutating func oldest(_ rows: borrowing Transaction) throws -> UInt64? {
        try findHead(rows)
        guard let first = arrived.first else { return head?.jobs.first }
        return head.map { first.precedes($0) ? first.jobs.first : $0.jobs.first }
            ?? first.jobs.first
    }

    func contains(_ id: UInt64, order: UInt8, _ rows: borrowing Transaction) throws -> Bool {
        if arrived.contains(where: { $0.order == order && $0.jobs.contains(id) }) { return true }
        guard let stored = try ReadyRuns.stored(atOrBefore: id, queue, order, rows) else {
            return false
        }
        if let head, head.order == order, stored.first == headStoredAt {
            return head.jobs.contains(id)
        }
        return stored.contains(id)
    }

    /// Writes what the turn changed.
    mutating func flush(_ rows: borrowing Transaction) throws {
        if let head, head.jobs.first != headStoredAt {
            _ = try rows.delete(Tables.ready, .ready(queue, head.order, headStoredAt))
            try store(head, rows)
            headStoredAt = head.jobs.first
        }
        for run in arrived { try merge(run, rows) }
        arrived.removeAll(keepingCapacity: true)
    }

    // MARK: Rows

    private mutating func findHead(_ rows: borrowing Transaction) throws {
        guard head == nil, storedJobs > 0 else { return }
        var found: Run?
        let start = Key.ready(queue, 0, 0)
        try rows.first(Tables.ready, atOrAfter: start) { key, row in
            guard try key.u32() == queue else { return }
            found = Run(
                order: try key.u8(), jobs: JobRun(first: try key.u64(), count: try row.u32()))
        }
        guard let found else {
            throw nonsense(
                Tables.ready, start,
                "queue \(queue) counts \(storedJobs) ready jobs, but no run of them is stored")
        }
        head = found
        headStoredAt = found.jobs.first
    }

    private func store(_ run: Run, _ rows: borrowing Transaction) throws {
        try rows.put(Tables.ready, .ready(queue, run.order, run.jobs.first)) {
            $0.u32(run.jobs.count)
        }
    }

    /// Adds a run to the stored ones: as part of the run just before it where it continues that.
    private mutating func merge(_ run: Run, _ rows: borrowing Transaction) throws {
        storedJobs += UInt64(run.jobs.count)
        let before = try ReadyRuns.stored(atOrBefore: run.jobs.first, queue, run.order, rows)
        if let before, before.end == run.jobs.first, before.count < UInt32.max - run.jobs.count {
            let longer = Run(
                order: run.order,
                jobs: JobRun(first: before.first, count: before.count + run.jobs.count))
            try store(longer, rows)
            if let head, head.order == run.order, headStoredAt == before.first {
                self.head = longer
            }
        } else {
            try store(run, rows)
            if let head, run.precedes(head) { self.head = nil }
        }
    }

    /// The stored run that begins at `id` or last before it.
    static func stored<Source: Rows & ~Copyable>(
        atOrBefore id: UInt64, _ queue: UInt32, _ order: UInt8, _ rows: borrowing Source
    ) throws -> JobRun? {
        var found: JobRun?
        try rows.last(Tables.ready, atOrBefore: .ready(queue, order, id)) { key, row in
            guard try key.u32() == queue, try key.u8() == order else { return }
            found = JobRun(first: try key.u64(), count: try row.u32())
        }
        return found
    }
}
