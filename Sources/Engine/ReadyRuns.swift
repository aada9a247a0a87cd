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

        /// Whether the other begins where this ends, and both fit one row.
        func isContinued(by other: Run) -> Bool {
            order == other.order && jobs.end == other.jobs.first
                && other.jobs.count <= UInt32.max - jobs.count
        }

        func joined(with next: Run) -> Run {
            Run(order: order, jobs: JobRun(first: jobs.first, count: jobs.count + next.jobs.count))
        }
    }

    init(queue: UInt32, storedJobs: UInt64) {
        self.queue = queue
        self.storedJobs = storedJobs
    }

    // MARK: Verbs

    /// Makes a job ready, at the place that its id gives it.
    mutating func insert(_ id: UInt64, order: UInt8, _ rows: borrowing Transaction) throws {
        let run = Run(order: order, jobs: JobRun(first: id, count: 1))
        let place = place(of: run)
        if place > 0, arrived[place - 1].isContinued(by: run) {
            arrived[place - 1].jobs.count += 1
        } else if place < arrived.count, run.isContinued(by: arrived[place]) {
            arrived[place].jobs.first = id
            arrived[place].jobs.count += 1
        } else if arrived.count < EngineLimits.pendingRunsMax {
            arrived.insert(run, at: place)
        } else {
            try flush(rows)
            arrived.append(run)
        }
    }

    /// Where a run belongs in `arrived`; mostly at the end.
    private func place(of run: Run) -> Int {
        guard let last = arrived.last, run.precedes(last) else { return arrived.count }
        var (low, high) = (0, arrived.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if run.precedes(arrived[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
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
        storedJobs.lower(by: UInt64(taken))
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
    mutating func putBack(_ run: Run) {
        guard run.jobs.count > 0 else { return }
        if let head, run.isContinued(by: head) {
            self.head = run.joined(with: head)
            storedJobs += UInt64(run.jobs.count)
        } else if let first = arrived.first, run.isContinued(by: first) {
            arrived[0] = run.joined(with: first)
        } else {
            arrived.insert(run, at: place(of: run))
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
        if let head, head.order == order, head.jobs.contains(id) { return true }
        guard let stored = try ReadyRuns.stored(atOrBefore: id, queue, order, rows) else {
            return false
        }
        if let head, head.order == order, stored.first == headStoredAt { return false }
        return stored.contains(id)
    }

    /// Writes what the turn changed.
    mutating func flush(_ rows: borrowing Transaction) throws {
        if let head, head.jobs.first != headStoredAt {
            _ = try rows.delete(Tables.ready, .ready(queue, head.order, headStoredAt))
            try store(head, rows)
            headStoredAt = head.jobs.first
        }
        var merged = 0
        defer { arrived.removeFirst(merged) }
        while merged < arrived.count {
            try merge(arrived[merged], rows)
            merged += 1
        }
    }

    // MARK: Mending

    /// Whether a job became ready in this turn and is not in a row yet.
    func hasArrived(_ id: UInt64, order: UInt8) -> Bool {
        arrived.contains { $0.order == order && $0.jobs.contains(id) }
    }

    /// Length of the stored run that begins as `run` does, when that is the one in memory.
    func headCount(storedAt run: Run) -> UInt32? {
        guard let head, head.order == run.order, headStoredAt == run.jobs.first else { return nil }
        return UInt32(head.jobs.end - headStoredAt)
    }

    /// Corrects the number of jobs in stored runs.
    /// - Parameter count: of those in rows, in which what this turn took from the first still is.
    /// - Returns: how many more, or less, there are.
    mutating func setStored(_ count: UInt64) -> (more: UInt64, less: UInt64) {
        var correct = count
        if let head { correct.lower(by: head.jobs.first - headStoredAt) }
        let before = storedJobs
        storedJobs = correct
        return correct > before ? (correct - before, 0) : (0, before - correct)
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

    /// Adds a run to the stored ones, joined with those that it continues and that continue it.
    private mutating func merge(_ run: Run, _ rows: borrowing Transaction) throws {
        var merged = run
        if let jobs = try ReadyRuns.stored(atOrBefore: run.jobs.first, queue, run.order, rows) {
            let before = Run(order: run.order, jobs: jobs)
            if before.isContinued(by: merged) { merged = before.joined(with: merged) }
        }
        if let after = try stored(at: merged.jobs.end, run.order, rows),
            merged.isContinued(by: after)
        {
            _ = try rows.delete(Tables.ready, .ready(queue, run.order, after.jobs.first))
            merged = merged.joined(with: after)
        }
        try store(merged, rows)
        storedJobs += UInt64(run.jobs.count)
        guard let head else { return }
        if head.order == merged.order, merged.jobs.contains(head.jobs.first) {
            self.head = merged
            headStoredAt = merged.jobs.first
        } else if merged.precedes(head) {
            self.head = nil
        }
    }

    private func stored(
        at first: UInt64, _ order: UInt8, _ rows: borrowing Transaction
    ) throws -> Run? {
        try rows.get(Tables.ready, .ready(queue, order, first)) { row in
            Run(order: order, jobs: JobRun(first: first, count: try row.u32()))
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
