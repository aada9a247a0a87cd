import Store

/// Running jobs in order of id, out of the leases: those overlap, so that some are read ahead.
struct LeasedJobs {
    /// Only jobs of this queue; nil: all.
    var queue: UInt32?
    /// Only those at workers with these sessions; nil: all.
    var sessions: [UInt64]?
    /// Jobs read ahead, the next one last, and from where nothing is known.
    private var ahead: [UInt64] = []
    private var knownUntil: UInt64?
    private var looked = 0

    /// Leases read at a time: more than can begin within one span, so that each time gets further.
    private static let leasesPerRead = 2_048

    init(queue: UInt32? = nil, sessions: [UInt64]? = nil) {
        self.queue = queue
        self.sessions = sessions
    }

    /// Rows read since this was asked last.
    mutating func takeLooked() -> Int {
        defer { looked = 0 }
        return looked
    }

    mutating func next<Source: Rows & ~Copyable>(
        from id: UInt64, _ isDescending: Bool, _ rows: borrowing Source
    ) throws -> JobWalk.Step {
        while let next = ahead.last, isDescending ? next > id : next < id { ahead.removeLast() }
        if ahead.isEmpty {
            if let knownUntil { return reach(knownUntil) }
            try read(from: id, isDescending, rows)
            guard !ahead.isEmpty else { return knownUntil.map { reach($0) } ?? .end }
        }
        return .run(takeRun(isDescending))
    }

    private mutating func reach(_ id: UInt64) -> JobWalk.Step {
        knownUntil = nil
        return .reached(id)
    }

    private mutating func takeRun(_ isDescending: Bool) -> ClosedRange<UInt64> {
        let start = ahead.removeLast()
        var end = start
        while let next = ahead.last, isDescending ? next + 1 == end : end + 1 == next {
            end = next
            ahead.removeLast()
        }
        return isDescending ? end...start : start...end
    }

    /// Reads leases that may hold the id or later ones, until jobs before some id are known for certain.
    private mutating func read<Source: Rows & ~Copyable>(
        from id: UInt64, _ isDescending: Bool, _ rows: borrowing Source
    ) throws {
        let span = EngineLimits.leaseSpanMax
        var found: [UInt64] = []
        var read = 0
        var stoppedAt: UInt64?
        let start = isDescending ? Key.lease(id, .max) : .lease(id < span ? 0 : id - span + 1, 0)
        try rows.scan(Tables.leases, from: start, reverse: isDescending) { key, reader in
            let key = try LeaseKey(from: &key)
            guard read < LeasedJobs.leasesPerRead else {
                stoppedAt = key.first
                return .stop
            }
            read += 1
            let lease = try LeaseRow(from: &reader)
            guard accepts(lease) else { return .next }
            for offset in lease.jobs.offsets { found.append(key.first + offset) }
            return .next
        }
        looked += read
        // A lease not read holds jobs from its first on: in reverse, those may lie a span above it.
        if let stoppedAt {
            knownUntil = isDescending ? stoppedAt + span - 1 : stoppedAt
        }
        ahead = found.filter { isDescending ? $0 <= id : $0 >= id }
        if let knownUntil { ahead.removeAll { isDescending ? $0 <= knownUntil : $0 >= knownUntil } }
        ahead.sort(by: isDescending ? (<) : (>))
    }

    private func accepts(_ lease: LeaseRow) -> Bool {
        if let queue, lease.queue != queue { return false }
        if let sessions, !sessions.contains(lease.session) { return false }
        return true
    }
}
