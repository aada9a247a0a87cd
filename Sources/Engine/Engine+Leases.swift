import Store

extension Engine {
    /// The lease that a job is held under with a token, as this turn has left it.
    func findLease(
        of id: UInt64, token: UInt64, _ rows: borrowing Transaction
    ) throws -> (LeaseKey, LeaseRow)? {
        if let latest = touchedLeases.find(id, token: token) { return latest }
        var found: (LeaseKey, LeaseRow)?
        try mending(rows) {
            try scanStoredLeases(over: id, rows) { key, row in
                guard key.token == token || isPlanted(.staleTokenAccepted) else { return .next }
                let row = touchedLeases[key] ?? row
                guard row.jobs.contains(id - key.first) else { return .next }
                found = (key, row)
                return .stop
            }
        }
        return found
    }

    /// The lease that a running job is held under.
    func findLease(
        of id: UInt64, _ rows: borrowing Transaction
    ) throws -> (LeaseKey, LeaseRow)? {
        var found: (LeaseKey, LeaseRow)?
        try writeExtensions(rows)
        try writeLeases(rows)
        try mending(rows) {
            try scanStoredLeases(over: id, rows) { key, row in
                guard id - key.first < EngineLimits.leaseSpanMax, row.jobs.contains(id - key.first)
                else { return .next }
                found = (key, row)
                return .stop
            }
        }
        return found
    }

    // MARK: Extending

    /// Notes a new end for one job of a delivery; `writeExtensions` puts together what belongs together.
    func extend(_ id: UInt64, _ key: LeaseKey, _ lease: LeaseRow, until deadline: UInt64) {
        touchedLeases[key] = lease
        let deadline = isPlanted(.timeoutNotCapped) ? deadline : lease.bounded(deadline)
        let offset = id - key.first
        var parts = extensions[key, default: []]
        for index in parts.indices { parts[index].jobs.remove(offset) }
        if let index = parts.firstIndex(where: { $0.deadline == deadline }) {
            parts[index].jobs.insert(offset)
        } else {
            parts.append(Extension(deadline: deadline, jobs: [offset]))
        }
        extensions[key] = parts
    }

    /// A delivery whose remaining jobs all get the same end keeps its row; else those of each new end
    /// get a row of their own under the same token.
    func writeExtensions(_ rows: borrowing Transaction) throws {
        for (key, parts) in extensions {
            guard let lease = touchedLeases[key] else { continue }
            var rest = lease
            var split: [LeaseRow] = []
            for part in parts {
                let jobs = part.jobs.intersection(lease.jobs)
                guard !jobs.isEmpty else { continue }
                rest.jobs = rest.jobs.subtracting(jobs)
                split.append(lease.with(jobs, until: part.deadline))
            }
            if split.count == 1, rest.jobs.isEmpty {
                try postpone(key, lease, until: split[0].deadline, rows)
            } else if !split.isEmpty {
                try replace(key, lease, by: split, rest, rows)
            }
        }
        extensions.removeAll(keepingCapacity: true)
    }

    /// A lease that ends later keeps its timer; one that ends sooner needs another.
    private func postpone(
        _ key: LeaseKey, _ lease: LeaseRow, until deadline: UInt64, _ rows: borrowing Transaction
    ) throws {
        var postponed = lease
        postponed.deadline = deadline
        if deadline < lease.timerAt {
            try lease.timer(key).unset(rows)
            postponed.timerAt = deadline
            try postponed.timer(key).set(rows)
        }
        touchedLeases[key] = postponed
    }

    /// Puts split leases in the place of one. A lease's key names a job that it has had from the
    /// beginning: the part that has this job now takes the key, and the rest moves.
    private func replace(
        _ key: LeaseKey, _ lease: LeaseRow, by split: [LeaseRow], _ rest: LeaseRow,
        _ rows: borrowing Transaction
    ) throws {
        touchedLeases[key] = rest
        worker = lease.session
        if split.contains(where: { $0.jobs.contains(0) }) {
            try lease.timer(key).unset(rows)
            touchedLeases[key] = nil
            try place(rest, from: key, rows)
        }
        for part in split { try place(part, from: key, rows) }
    }

    /// Stores a lease under the first job that it has.
    private func place(_ lease: LeaseRow, from old: LeaseKey, _ rows: borrowing Transaction) throws
    {
        guard let offset = lease.jobs.first else { return }
        let key = LeaseKey(first: old.first + offset, token: old.token)
        var placed = lease
        placed.jobs = lease.jobs.shifted(down: offset)
        touchedLeases[key] = placed
        try placed.timer(key).set(rows)
    }

    func writeLeases(_ rows: borrowing Transaction) throws {
        for (key, lease) in touchedLeases {
            if lease.jobs.isEmpty {
                _ = try rows.delete(Tables.leases, key.key)
                try lease.timer(key).unset(rows)
            } else {
                try rows.put(Tables.leases, key.key) { lease.write(to: &$0) }
            }
        }
        touchedLeases.removeAll()
    }

    // MARK: Ends of leases

    /// A lease's timer fired: the lease has ended, unless it was extended or workers still have their grace.
    func leaseEnded(
        _ timer: Timer, _ steps: inout Steps, _ rows: borrowing Transaction
    ) throws {
        try timer.unset(rows)
        let key = LeaseKey(first: timer.first, token: timer.second)
        let stored = try mending(rows) {
            try rows.get(Tables.leases, key.key) { try LeaseRow(from: &$0) }
        }
        guard var lease = touchedLeases[key] ?? stored, !lease.jobs.isEmpty else { return }
        let end = max(lease.deadline, leaseFloor)
        if end > stamp.now {
            lease.timerAt = end
            touchedLeases[key] = lease
            return try lease.timer(key).set(rows)
        }
        steps -= lease.jobs.count
        try endOverdueCancels(key, lease, rows)
        lease = touchedLeases[key] ?? lease
        guard !lease.jobs.isEmpty else { return }
        let crash = GivenBack.crash("the lease ended before the job was settled")
        let way = lease.hasTimedOut ? LeaseEnd.timeout : .givenBack(crash)
        try endLease(of: lease.jobs, key, lease, way, rows)
    }

    /// How a lease ends without its worker's word.
    enum LeaseEnd {
        case givenBack(GivenBack)
        /// The job ran longer than it may.
        case timeout
    }

    /// Ends the attempts of jobs of a lease.
    func endLease(
        of jobs: JobSet, _ key: LeaseKey, _ lease: LeaseRow, _ way: LeaseEnd,
        _ rows: borrowing Transaction
    ) throws {
        let queue = try index(ofQueue: lease.queue)
        var credit = DeliveryCredit(
            session: lease.session, subscription: lease.subscription, token: key.token, bytes: 0,
            jobs: jobs.count)
        var rest = lease
        rest.jobs = lease.jobs.subtracting(jobs)
        touchedLeases[key] = rest
        worker = lease.session
        count(queue) { $0.running.lower(by: UInt64(jobs.count)) }
        for offset in jobs.offsets {
            let id = key.first + offset
            guard var row = try load(id, rows) else { continue }
            credit.bytes += Int(row.payloadBytes)
            switch way {
            case .givenBack(let end):
                try giveBack(id, &row, startedAt: lease.startedAt, queue, as: end, rows)
            case .timeout:
                try fail(id, &row, startedAt: lease.startedAt, queue, .timeout, rows)
            }
        }
        lapsed.append(credit)
    }
}

/// Visits the stored leases that may cover a job, latest first.
func scanStoredLeases<Source: Rows & ~Copyable>(
    over id: UInt64, _ rows: borrowing Source, _ body: (LeaseKey, LeaseRow) throws -> Scan
) throws {
    let lowest = id < EngineLimits.leaseSpanMax ? 0 : id - EngineLimits.leaseSpanMax
    try rows.scan(
        Tables.leases, from: .lease(id, .max), to: .lease(lowest, .max), reverse: true
    ) { key, reader in
        try body(try LeaseKey(from: &key), try LeaseRow(from: &reader))
    }
}

extension StaticString {
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
    }
}
