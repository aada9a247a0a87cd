import Store

/// The ready jobs of one queue, in order of delivery: the part of the index that every delivery
/// needs. Each row of it is a run of consecutive ids of one priority.
///
/// Changes of the turn are held back: the head run shrinks in memory, and jobs that become ready
/// wait in `arrived`. A job that comes and goes within one turn touches no row.
/// `flush` writes what is left, once a turn.
struct ReadyRuns {
    private let queue: UInt32
    /// Whether the newest job of a priority is first. Changed only when everything is flushed: another
    /// run is the head then.
    var isLIFO = false {
        didSet { if isLIFO != oldValue { head = nil } }
    }
    /// The stored run that is delivered from, less what this turn took from it. Nil: look it up.
    private var head: Run?
    /// The id that `head` is stored under, and how many jobs it has there.
    private var headStored = JobRun(first: 0, count: 0)
    private var arrived: [Run] = []
    /// Jobs in stored runs, those of `head` as they are now.
    private var storedJobs: UInt64
    /// Stored jobs that are to be taken out: held back, since others mostly follow.
    private var leaving: Run?

    struct Run: Equatable {
        var order: UInt8
        var jobs: JobRun

        func precedes(_ other: Run) -> Bool {
            (order, jobs.first) < (other.order, other.jobs.first)
        }

        func isContinued(by other: Run) -> Bool {
            order == other.order && jobs.isContinued(by: other.jobs)
        }

        func joined(with next: Run) -> Run { Run(order: order, jobs: jobs.joined(with: next.jobs)) }

        func contains(_ id: UInt64, order: UInt8) -> Bool {
            self.order == order && jobs.contains(id)
        }
    }

    init(queue: UInt32, storedJobs: UInt64) {
        self.queue = queue
        self.storedJobs = storedJobs
    }

    // MARK: Verbs

    /// Makes a job ready, at the place that its id gives it.
    mutating func insert(_ id: UInt64, order: UInt8, _ rows: borrowing Transaction) throws {
        try add(Run(order: order, jobs: JobRun(first: id, count: 1)), rows)
    }

    /// The same for jobs that were submitted just now, one after the other.
    mutating func insert(
        submitted jobs: JobRun, order: UInt8, _ rows: borrowing Transaction
    ) throws {
        try add(Run(order: order, jobs: jobs), rows)
    }

    private mutating func add(_ run: Run, _ rows: borrowing Transaction) throws {
        let place = place(of: run)
        if place > 0, arrived[place - 1].isContinued(by: run) {
            arrived[place - 1].jobs.count += run.jobs.count
        } else if place < arrived.count, run.isContinued(by: arrived[place]) {
            arrived[place] = run.joined(with: arrived[place])
        } else if arrived.count < EngineLimits.pendingRunsMax {
            arrived.insert(run, at: place)
        } else {
            try flush(rows)
            arrived.append(run)
        }
    }

    /// Makes many consecutive jobs ready at once.
    mutating func insert(_ jobs: JobRun, order: UInt8, _ rows: borrowing Transaction) throws {
        try flush(rows)
        try merge(Run(order: order, jobs: jobs), rows)
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

    /// Takes up to `limit` consecutive jobs from the head of the queue; one, when the newest is first.
    mutating func take(_ limit: UInt32, _ rows: borrowing Transaction) throws -> Run? {
        if leaving != nil { try takeOutLeaving(rows) }
        guard !isLIFO else { return try takeNewest(rows) }
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
        head?.jobs.first += UInt64(taken)
        head?.jobs.count -= taken
        try forgetEmptyHead(rows)
        return Run(order: run.order, jobs: JobRun(first: run.jobs.first, count: taken))
    }

    private mutating func takeNewest(_ rows: borrowing Transaction) throws -> Run? {
        try findHead(rows)
        let index = newestArrived
        if let index, head.map({ arrived[index].isDeliveredBefore($0) }) ?? true {
            let run = arrived[index]
            arrived[index].jobs.count -= 1
            if arrived[index].jobs.count == 0 { arrived.remove(at: index) }
            return Run(order: run.order, jobs: JobRun(first: run.jobs.end - 1, count: 1))
        }
        guard let run = head else { return nil }
        storedJobs -= 1
        head?.jobs.count -= 1
        try forgetEmptyHead(rows)
        return Run(order: run.order, jobs: JobRun(first: run.jobs.end - 1, count: 1))
    }

    private var newestArrived: Int? {
        guard let first = arrived.first else { return nil }
        return arrived.lastIndex { $0.order == first.order }
    }

    private mutating func forgetEmptyHead(_ rows: borrowing Transaction) throws {
        guard let run = head, run.jobs.count == 0 else { return }
        _ = try rows.delete(Tables.index, place(run.order).key(headStored.first))
        head = nil
    }

    /// Puts back what was taken last and not delivered: the tail of the run just taken.
    mutating func putBack(_ run: Run) {
        guard run.jobs.count > 0 else { return }
        if let head, !isLIFO, run.isContinued(by: head) {
            self.head = run.joined(with: head)
            storedJobs += UInt64(run.jobs.count)
        } else if let first = arrived.first, run.isContinued(by: first) {
            arrived[0] = run.joined(with: first)
        } else {
            arrived.insert(run, at: place(of: run))
        }
    }

    /// Takes out one job that is ready and does not wait for its delivery any more.
    mutating func remove(_ id: UInt64, order: UInt8, _ rows: borrowing Transaction) throws {
        if let index = arrived.firstIndex(where: { $0.contains(id, order: order) }) {
            return removeArrived(id, at: index)
        }
        if let run = leaving, run.order == order, run.jobs.end == id {
            leaving?.jobs.count += 1
        } else {
            try takeOutLeaving(rows)
            leaving = Run(order: order, jobs: JobRun(first: id, count: 1))
        }
    }

    private mutating func removeArrived(_ id: UInt64, at index: Int) {
        let run = arrived[index]
        let before = JobRun(first: run.jobs.first, count: UInt32(id - run.jobs.first))
        let after = JobRun(first: id + 1, count: UInt32(run.jobs.end - id - 1))
        let rest = [before, after].filter { $0.count > 0 }.map { Run(order: run.order, jobs: $0) }
        arrived.replaceSubrange(index...index, with: rest)
    }

    private mutating func takeOutLeaving(_ rows: borrowing Transaction) throws {
        guard let run = leaving else { return }
        try writeHead(rows)
        head = nil
        storedJobs.lower(by: try place(run.order).remove(run.jobs, rows).jobs)
        leaving = nil
    }

    /// The id of the job that would be delivered next.
    mutating func oldest(_ rows: borrowing Transaction) throws -> UInt64? {
        if leaving != nil { try takeOutLeaving(rows) }
        try findHead(rows)
        let candidates = [
            head, (isLIFO ? newestArrived : arrived.indices.first).map { arrived[$0] },
        ]
        let runs = candidates.compactMap { $0 }
        guard isLIFO else { return runs.min { $0.precedes($1) }?.jobs.first }
        return runs.min { $0.isDeliveredBefore($1) }.map { $0.jobs.end - 1 }
    }

    func contains(_ id: UInt64, order: UInt8, _ rows: borrowing Transaction) throws -> Bool {
        if arrived.contains(where: { $0.contains(id, order: order) }) { return true }
        if let leaving, leaving.contains(id, order: order) { return false }
        if let head, head.contains(id, order: order) { return true }
        guard let stored = try place(order).run(atOrBefore: id, rows) else { return false }
        if let head, head.order == order, stored.first == headStored.first { return false }
        return stored.contains(id)
    }

    /// Writes what the turn changed.
    mutating func flush(_ rows: borrowing Transaction) throws {
        try takeOutLeaving(rows)
        try writeHead(rows)
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
        arrived.contains { $0.contains(id, order: order) }
    }

    /// Length of the stored run that begins as `run` does, when that is the one in memory.
    func headCount(storedAt run: Run) -> UInt32? {
        guard let head, head.order == run.order, headStored.first == run.jobs.first else {
            return nil
        }
        return headStored.count
    }

    /// Corrects the number of jobs in stored runs.
    /// - Parameter count: of those in rows, in which what this turn took from the first still is.
    /// - Returns: how many more, or less, there are.
    mutating func setStored(_ count: UInt64) -> (more: UInt64, less: UInt64) {
        var correct = count
        if let head { correct.lower(by: UInt64(headStored.count - head.jobs.count)) }
        let before = storedJobs
        storedJobs = correct
        return correct > before ? (correct - before, 0) : (0, before - correct)
    }

    // MARK: Rows

    private func place(_ order: UInt8) -> IndexPlace { IndexPlace(queue, .ready, order: order) }

    private mutating func writeHead(_ rows: borrowing Transaction) throws {
        guard let head, head.jobs != headStored else { return }
        let place = place(head.order)
        if head.jobs.first != headStored.first {
            _ = try rows.delete(Tables.index, place.key(headStored.first))
        }
        try rows.put(Tables.index, place.key(head.jobs.first)) { $0.u32(head.jobs.count) }
        headStored = head.jobs
    }

    private mutating func findHead(_ rows: borrowing Transaction) throws {
        guard head == nil, storedJobs > 0 else { return }
        guard let found = try firstRun(rows) else {
            throw nonsense(
                Tables.index, place(0).key(0),
                "queue \(queue) counts \(storedJobs) ready jobs, but no run of them is stored")
        }
        head = found
        headStored = found.jobs
    }

    private func firstRun(_ rows: borrowing Transaction) throws -> Run? {
        var found: Run?
        try rows.first(Tables.index, atOrAfter: place(0).key(0)) { key, row in
            guard try key.u32() == queue, try key.u8() == JobState.ready.rawValue else { return }
            found = Run(
                order: try key.u8(), jobs: JobRun(first: try key.u64(), count: try row.u32()))
        }
        guard isLIFO, let first = found else { return found }
        let newest = try place(first.order).run(atOrBefore: .max, rows)
        return newest.map { Run(order: first.order, jobs: $0) }
    }

    /// Adds a run to the stored ones.
    private mutating func merge(_ run: Run, _ rows: borrowing Transaction) throws {
        let merged = Run(order: run.order, jobs: try place(run.order).insert(run.jobs, rows))
        storedJobs += UInt64(run.jobs.count)
        guard let head else { return }
        if head.order == merged.order, merged.jobs.contains(head.jobs.first) {
            self.head = merged
            headStored = merged.jobs
        } else if isLIFO ? merged.isDeliveredBefore(head) : merged.precedes(head) {
            self.head = nil
        }
    }
}

extension ReadyRuns.Run {
    /// Of runs that are delivered from their ends.
    fileprivate func isDeliveredBefore(_ other: ReadyRuns.Run) -> Bool {
        order != other.order ? order < other.order : jobs.end > other.jobs.end
    }
}
