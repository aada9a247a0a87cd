import Store

/// Jobs that match a filter, in order of id, found by a walk and told by their rows where the walk
/// alone does not say enough. Reads a bounded number of rows at a time and goes on from where it got to.
struct JobSearch {
    private let filter: JobFilter
    private let queue: UInt32?
    private var walk: JobWalk
    private let isDescending: Bool
    /// The last id that can match.
    private let end: UInt64
    /// The last id that was looked at: whoever comes again begins behind it.
    private(set) var reached: UInt64
    private(set) var isAtEnd = false
    /// Jobs whose own rows were read so far.
    private(set) var jobsRead = 0

    /// Rows of any kind read so far.
    var looked: Int { walk.looked + jobsRead }

    /// Whether the walk visits nothing but the states and the queue that are wanted.
    private var isExact: Bool { walk.isExact }

    /// - Parameters:
    ///   - after: the last id that an earlier search reached.
    ///   - bounds: ids that are wanted besides the filter's.
    ///   - queues: those that there are.
    init<Source: Rows & ~Copyable>(
        _ filter: JobFilter, after: UInt64?, descending: Bool,
        within bounds: ClosedRange<UInt64> = 0...(.max),
        queues: [(id: UInt32, row: QueueRow)], _ rows: borrowing Source
    ) throws {
        self.filter = filter
        isDescending = descending
        let wanted = filter.queue.map { name in queues.filter { $0.row.name == name } } ?? queues
        queue = filter.queue == nil ? nil : wanted.first?.id ?? 0
        let targets = WalkTargets(filter, wanted)
        let matching = try filter.idBounds(rows)
        if !matching.overlaps(bounds) || wanted.isEmpty { isAtEnd = true }
        var range = matching.clamped(to: bounds)
        if let after {
            if descending ? after <= range.lowerBound : after >= range.upperBound {
                isAtEnd = true
            } else {
                range =
                    descending
                    ? range.lowerBound...min(range.upperBound, after - 1)
                    : max(range.lowerBound, after + 1)...range.upperBound
            }
        }
        let start = descending ? range.upperBound : range.lowerBound
        end = descending ? range.lowerBound : range.upperBound
        reached = after ?? (descending ? .max : 0)
        walk = try JobWalk(targets, from: start, descending: descending, rows)
    }

    /// Goes on until so many jobs are found, so many rows read, or none is left.
    mutating func find<Source: Rows & ~Copyable>(
        _ limit: Int, rowsMax: Int, _ rows: borrowing Source
    ) throws -> [UInt64] {
        var found: [UInt64] = []
        let bounds = (rows: looked + rowsMax, start: reached)
        while found.count < limit, let run = try nextRun(UInt64(limit - found.count), bounds, rows)
        {
            for id in isDescending ? Array(run.reversed()) : Array(run) {
                if try matches(id, rows) { found.append(id) }
                reached = id
            }
        }
        return found
    }

    /// Counts instead: whole runs at once, when their place says all.
    mutating func count<Source: Rows & ~Copyable>(
        rowsMax: Int, _ rows: borrowing Source
    ) throws -> Int {
        var count = 0
        let bounds = (rows: looked + rowsMax, start: reached)
        let isTold = isExact && !filter.needsRow
        while let run = try nextRun(isTold ? .max : 256, bounds, rows) {
            if isTold {
                count += run.count
            } else {
                for id in run where try matches(id, rows) { count += 1 }
            }
            reached = isDescending ? run.lowerBound : run.upperBound
        }
        return count
    }

    /// The next jobs of the walk; nil at its end, or when enough rows were read. It gets further than its
    /// start, whatever that takes.
    private mutating func nextRun<Source: Rows & ~Copyable>(
        _ limit: UInt64, _ bounds: (rows: Int, start: UInt64), _ rows: borrowing Source
    ) throws -> ClosedRange<UInt64>? {
        while !isAtEnd, looked < bounds.rows || reached == bounds.start {
            let isTold = isExact && !filter.needsRow
            let rowsLeft = isTold ? UInt64.max : UInt64(max(1, bounds.rows - looked))
            switch try walk.next(min(limit, rowsLeft), rows) {
            case .end: isAtEnd = true
            case .reached(let id):
                isAtEnd = isPastEnd(id)
                if isDescending, id < reached { reached = id == .max ? id : id + 1 }
                if !isDescending, id > reached { reached = id - 1 }
            case .run(let run):
                let first = isDescending ? run.upperBound : run.lowerBound
                guard !isPastEnd(first) else {
                    isAtEnd = true
                    return nil
                }
                return isDescending
                    ? max(run.lowerBound, end)...run.upperBound
                    : run.lowerBound...min(run.upperBound, end)
            }
        }
        return nil
    }

    private func isPastEnd(_ id: UInt64) -> Bool { isDescending ? id < end : id > end }

    /// Whether a job that the walk found is one. A damaged one is not: whoever shows or delivers it says so.
    private mutating func matches<Source: Rows & ~Copyable>(
        _ id: UInt64, _ rows: borrowing Source
    ) throws -> Bool {
        if isExact, !filter.needsRow { return true }
        jobsRead += 1
        do {
            let isMatch = try rows.get(Tables.jobs, .job(id)) { reader in
                let row = try JobRow(from: &reader)
                guard filter.matches(row) else { return false }
                if isExact { return true }
                if let queue, row.queue != queue { return false }
                if filter.states == 0 { return true }
                return filter.accepts(try JobInspector.state(of: id, row, rows))
            }
            return isMatch ?? false
        } catch let error as StoreError {
            guard case .damaged(Tables.jobs, _) = error.code else { throw error }
            return false
        }
    }
}

extension WalkTargets {
    /// Nil when looking at every job is less work, or says the same.
    fileprivate init?(_ filter: JobFilter, _ queues: [(id: UInt32, row: QueueRow)]) {
        if let sessions = filter.sessions {
            let queue = filter.queue == nil ? nil : queues.first?.id
            leased = filter.accepts(.running) ? LeasedJobs(queue: queue, sessions: sessions) : nil
            return
        }
        if filter.queue == nil, filter.states == 0 { return nil }
        for state in JobState.allCases where filter.accepts(state) && state != .running {
            for queue in queues where queue.row.count(of: state) > 0 {
                indexed.append((queue.id, state))
            }
        }
        if filter.accepts(.running), queues.contains(where: { $0.row.running > 0 }) {
            leased = LeasedJobs(queue: filter.queue == nil ? nil : queues.first?.id)
        }
        if indexed.count > JobWalk.placesMax { return nil }
    }
}

extension QueueRow {
    /// Jobs that a filter of queue and states means.
    func count(_ filter: JobFilter) -> Int {
        guard (filter.queue ?? name) == name else { return 0 }
        return JobState.allCases.filter(filter.accepts).reduce(0) { $0 + Int(count(of: $1)) }
    }

    /// Jobs that are in a state now.
    func count(of state: JobState) -> UInt64 {
        switch state {
        case .scheduled: scheduled
        case .ready: ready
        case .running: running
        case .held: held
        case .completed: retained
        case .dead: dead
        case .cancelled: cancelled
        case .expired: expired
        }
    }
}

extension JobFilter {
    /// The ids that can match: ids ascend with the time of creation, nearly. Jobs whose payload was
    /// stored ahead of them have an id somewhat older than they are.
    fileprivate func idBounds<Source: Rows & ~Copyable>(
        _ rows: borrowing Source
    ) throws -> ClosedRange<UInt64> {
        let wanted = ids ?? 0...(.max)
        var (first, last) = (wanted.lowerBound, wanted.upperBound)
        if let since, since > EngineLimits.idTimeSlack {
            first = max(first, try firstJob(createdAt: since - EngineLimits.idTimeSlack, rows))
        }
        if let until {
            last = min(last, try firstJob(createdAt: until + EngineLimits.idTimeSlack, rows))
        }
        return first...max(first, last)
    }
}

/// The first id whose job was created at an instant or later, by bisection; one past the last if none was.
private func firstJob<Source: Rows & ~Copyable>(
    createdAt instant: UInt64, _ rows: borrowing Source
) throws -> UInt64 {
    var low: UInt64 = 0
    var high = try lastJob(rows) + 1
    while low < high {
        let middle = low + (high - low) / 2
        let found = try createdAt(atOrAfter: middle, rows)
        if let found, found.id < high, found.createdAt < instant {
            low = found.id + 1
        } else {
            high = middle
        }
    }
    return low
}

private func lastJob<Source: Rows & ~Copyable>(_ rows: borrowing Source) throws -> UInt64 {
    do {
        return try rows.last(Tables.jobs, atOrBefore: .last) { key, _ in try key.u64() } ?? 0
    } catch let error as StoreError {
        return try damagedJob(error)
    }
}

/// The creation of the first job at or after an id, behind any damaged rows.
private func createdAt<Source: Rows & ~Copyable>(
    atOrAfter id: UInt64, _ rows: borrowing Source
) throws -> (id: UInt64, createdAt: UInt64)? {
    var id = id
    while true {
        do {
            return try rows.first(Tables.jobs, atOrAfter: .job(id)) { key, reader in
                (try key.u64(), try JobRow(from: &reader).createdAt)
            }
        } catch let error as StoreError {
            id = try damagedJob(error) + 1
        }
    }
}

/// The job whose row is damaged; other errors go on.
func damagedJob(_ error: StoreError) throws -> UInt64 {
    guard case .damaged(Tables.jobs, let key) = error.code, key.count == 8 else { throw error }
    return key.reduce(0) { $0 << 8 | UInt64($1) }
}
