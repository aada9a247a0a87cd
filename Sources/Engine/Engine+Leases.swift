import Store

extension Engine {
    /// The lease that a job is held under with a token, as this turn has left it.
    func findLease(
        of id: UInt64, token: UInt64, _ rows: borrowing Transaction
    ) throws -> (LeaseKey, LeaseRow)? {
        if let last = lastLease, last.token == token, let row = touchedLeases[last],
            id >= last.first,
            row.jobs.contains(id - last.first)
        {
            return (last, row)
        }
        var found: (LeaseKey, LeaseRow)?
        try scanStoredLeases(over: id, rows) { key, row in
            guard key.token == token else { return .next }
            let row = touchedLeases[key] ?? row
            guard row.jobs.contains(id - key.first) else { return .next }
            found = (key, row)
            return .stop
        }
        lastLease = found?.0
        return found
    }

    // MARK: Extending

    /// Notes a later end for one job of a delivery; `writeExtensions` puts together what belongs together.
    func extend(_ id: UInt64, _ key: LeaseKey, _ lease: LeaseRow, until deadline: UInt64) {
        var extended = extensions[key] ?? (deadline, JobSet())
        extended.deadline = max(extended.deadline, deadline)
        extended.jobs.insert(id - key.first)
        extensions[key] = extended
        touchedLeases[key] = lease
    }

    /// A delivery whose remaining jobs were all extended keeps its row; of another, the extended jobs
    /// get a row of their own under the same token.
    func writeExtensions(_ rows: borrowing Transaction) throws {
        for (key, extended) in extensions {
            guard var lease = touchedLeases[key] else { continue }
            let jobs = extended.jobs.offsets.filter(lease.jobs.contains)
            guard let firstOffset = jobs.first else { continue }
            if jobs.count == lease.jobs.offsets.count {
                lease.deadline = extended.deadline
                touchedLeases[key] = lease
                continue
            }
            for offset in jobs { lease.jobs.remove(offset) }
            touchedLeases[key] = lease
            var split = lease
            split.deadline = extended.deadline
            split.timerAt = extended.deadline
            split.jobs = JobSet()
            for offset in jobs { split.jobs.insert(offset - firstOffset) }
            try place(split, first: key.first + firstOffset, key, rows)
        }
        extensions.removeAll(keepingCapacity: true)
    }

    /// Stores a split-off lease. Where its first job is the old lease's first, the old one moves to the
    /// first job that it has left.
    private func place(
        _ split: LeaseRow, first: UInt64, _ old: LeaseKey, _ rows: borrowing Transaction
    ) throws {
        let key = LeaseKey(first: first, token: old.token)
        if key == old, let rest = touchedLeases.removeValue(forKey: old) {
            try Timer(due: rest.timerAt, kind: .lease, old.first, old.token).unset(rows)
            if let restFirst = rest.jobs.offsets.first {
                var moved = rest
                moved.jobs = JobSet()
                for offset in rest.jobs.offsets { moved.jobs.insert(offset - restFirst) }
                let movedKey = LeaseKey(first: old.first + restFirst, token: old.token)
                touchedLeases[movedKey] = moved
                try Timer(due: moved.timerAt, kind: .lease, movedKey.first, movedKey.token).set(
                    rows)
            }
        }
        touchedLeases[key] = split
        try Timer(due: split.timerAt, kind: .lease, key.first, key.token).set(rows)
    }

    func writeLeases(_ rows: borrowing Transaction) throws {
        for (key, lease) in touchedLeases {
            if lease.jobs.isEmpty {
                _ = try rows.delete(Tables.leases, key.key)
                try Timer(due: lease.timerAt, kind: .lease, key.first, key.token).unset(rows)
            } else {
                try rows.put(Tables.leases, key.key) { lease.write(to: &$0) }
            }
        }
        touchedLeases.removeAll(keepingCapacity: true)
        lastLease = nil
    }

    // MARK: Ends of leases

    /// A lease's timer fired: the lease has ended, unless it was extended or workers still have their grace.
    func leaseEnded(_ timer: Timer, _ rows: borrowing Transaction) throws {
        try timer.unset(rows)
        let key = LeaseKey(first: timer.first, token: timer.second)
        let stored = try rows.get(Tables.leases, key.key) { try LeaseRow(from: &$0) }
        guard var lease = touchedLeases[key] ?? stored, !lease.jobs.isEmpty else { return }
        let end = max(lease.deadline, leaseFloor)
        if end > stamp.now {
            lease.timerAt = end
            touchedLeases[key] = lease
            return try Timer(due: end, kind: .lease, key.first, key.token).set(rows)
        }
        try giveBackAll(key, lease, as: "the lease ended before the job was settled", rows)
    }

    /// Gives back every job of a lease: as crashes with a reason, or as interruptions.
    func giveBackAll(
        _ key: LeaseKey, _ lease: LeaseRow, as crash: StaticString?, _ rows: borrowing Transaction
    ) throws {
        let queue = try index(ofQueue: lease.queue)
        for offset in lease.jobs.offsets {
            count(queue) { $0.running -= 1 }
            guard let row = try load(key.first + offset, rows) else { continue }
            let end = crash.map { GivenBack.crash($0.bytes) } ?? .interruption
            try giveBack(key.first + offset, row, lease, queue, as: end, rows)
        }
        var empty = lease
        empty.jobs = JobSet()
        touchedLeases[key] = empty
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
