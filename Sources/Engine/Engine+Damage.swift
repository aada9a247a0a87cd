import Store

/// Records that do not match their check value are taken out of the way: reported, kept as they are
/// for whoever wants to look at them, and never acted upon. One of them stops nothing else.
extension Engine {
    /// Sets a job aside: it is never delivered.
    func setAside(_ id: UInt64, _ error: StoreError, _ rows: borrowing Transaction) throws {
        damage.append("job \(id) is set aside: \(error.message)")
        if watched.contains(id) { finishedWatched.append(id) }
        try setAside(Tables.jobs, .job(id), rows)
        try forgetNotes(id, rows)
    }

    private func setAside(_ table: Table, _ key: Key, _ rows: borrowing Transaction) throws {
        guard let bytes = try rows.raw(table, key) else { return }
        try rows.put(Tables.damaged, .damaged(table, key)) { $0.bytes(bytes) }
        _ = try rows.delete(table, key)
    }

    // MARK: Leases

    /// Reads leases; a damaged one is set aside, and then they are read again.
    func readingLeases<R>(
        _ rows: borrowing Transaction, _ read: () throws -> R
    ) throws -> R {
        while true {
            do {
                return try read()
            } catch let error as StoreError {
                guard case .damaged(Tables.leases, let key) = error.code, key.count == 16 else {
                    throw error
                }
                try setAsideLease(
                    LeaseKey(first: number(key, 0), token: number(key, 8)), error, rows)
            }
        }
    }

    /// What a damaged lease held can still be found: jobs in its span that wait in no run and that no
    /// other lease holds. They are given back.
    private func setAsideLease(
        _ key: LeaseKey, _ error: StoreError, _ rows: borrowing Transaction
    ) throws {
        damage.append("a lease is set aside and its jobs given back: \(error.message)")
        try setAside(Tables.leases, key.key, rows)
        touchedLeases[key] = nil
        for id in key.first..<key.first + EngineLimits.leaseSpanMax {
            guard let row = try load(id, rows), try state(of: id, row, rows) == .running,
                try !isLeased(id, rows)
            else { continue }
            let queue = try index(ofQueue: row.queue)
            count(queue) { $0.running.lower() }
            try giveBack(
                id, row, startedAt: row.history?.startedAt ?? 0, queue,
                as: .crash("the record of the lease was damaged"), rows)
        }
    }

    private func isLeased(_ id: UInt64, _ rows: borrowing Transaction) throws -> Bool {
        if touchedLeases.contains(where: { $0.key.holds(id, $0.value) }) { return true }
        var isLeased = false
        try readingLeases(rows) {
            try scanStoredLeases(over: id, rows) { key, lease in
                guard touchedLeases[key] == nil, key.holds(id, lease) else { return .next }
                isLeased = true
                return .stop
            }
        }
        return isLeased
    }

    // MARK: Timers

    /// The timer that is due first. A damaged one counts for what its key says: whatever acts on a
    /// timer looks first whether it is true. For how many jobs it was is found in their rows.
    func nextTimer(_ rows: borrowing Transaction) throws -> Timer? {
        do {
            return try rows.first(Tables.timers, atOrAfter: Key().adding(u64: 0)) { key, row in
                try Timer(from: &key, &row)
            }
        } catch let error as StoreError {
            guard case .damaged(Tables.timers, let bytes) = error.code else { throw error }
            damage.append("a timer is set aside: \(error.message)")
            try setAside(Tables.timers, Key(bytes), rows)
            guard bytes.count == 25, let kind = TimerKind(rawValue: bytes[8])
            else { return try nextTimer(rows) }
            var timer = Timer(
                due: number(bytes, 0), kind: kind, number(bytes, 9), number(bytes, 17))
            guard kind.isOfRun else { return timer }
            timer.count = try recount(timer, rows)
            try rows.put(Tables.timers, timer.key) { $0.u32(timer.count) }
            return timer
        }
    }

    /// How many consecutive jobs share a timer, by what they say themselves.
    private func recount(_ timer: Timer, _ rows: borrowing Transaction) throws -> UInt32 {
        var count: UInt32 = 0
        while let row = try load(timer.first + UInt64(count), rows), row.queue == timer.queue,
            row.has(timer)
        {
            count += 1
        }
        return max(1, count)
    }
}

extension JobRow {
    /// Whether the job has this timer, of a run.
    fileprivate func has(_ timer: Timer) -> Bool {
        switch timer.kind {
        case .ready: state == .waiting && history?.dueAt == timer.due && order == timer.order
        case .retention: state.finished == timer.state && history?.vanishAt == timer.due
        default: state == .waiting && expiresAt == timer.due
        }
    }
}

extension LeaseKey {
    fileprivate func holds(_ id: UInt64, _ lease: LeaseRow) -> Bool {
        id >= first && lease.jobs.contains(id - first)
    }
}

extension Key {
    fileprivate init(_ bytes: [UInt8]) {
        self.init()
        for byte in bytes { u8(byte) }
    }
}

/// Eight bytes of a key as a number.
private func number(_ key: [UInt8], _ offset: Int) -> UInt64 {
    key[offset..<offset + 8].reduce(0) { $0 << 8 | UInt64($1) }
}
