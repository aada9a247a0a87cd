import Store

extension Engine {
    /// The timer that is due first. A damaged one counts for what its key says: whatever acts on a
    /// timer looks first whether it is true. For how many jobs it was is found in their rows.
    func nextTimer(_ rows: borrowing Transaction) throws -> Timer? {
        do {
            return try rows.first(Tables.timers, atOrAfter: Key().adding(u64: 0)) { key, row in
                try Timer(from: &key, &row)
            }
        } catch let error as StoreError {
            guard case .damaged(Tables.timers, let key) = error.code, !key.isEmpty else {
                throw error
            }
            try mendTimer(key, error, rows)
            return try nextTimer(rows)
        }
    }

    /// Sets a damaged timer aside, and another in its place.
    func mendTimer(_ key: [UInt8], _ error: StoreError, _ rows: borrowing Transaction) throws {
        guard try setAside(Tables.timers, Key(key), "a timer is set aside", error, rows) else {
            throw error
        }
        if let timer = Timer(damagedKey: key) { try putBack(timer, rows) }
    }

    private func putBack(_ timer: Timer, _ rows: borrowing Transaction) throws {
        guard timer.kind.isOfRun else { return try timer.set(rows) }
        let count = try recount(timer, rows)
        // Its neighbours may be damaged too: they are not looked at.
        try rows.put(Tables.timers, timer.key) { $0.u32(count) }
    }

    /// How many consecutive jobs share a timer, by what they say themselves. Jobs that were set aside say
    /// nothing and are passed over when others follow.
    private func recount(_ timer: Timer, _ rows: borrowing Transaction) throws -> UInt32 {
        var (count, passed) = (UInt32(1), UInt32(1))
        while passed < .max {
            let id = timer.first + UInt64(passed)
            if pendingTimers.contains(id, in: timer.place) == false {
                // It leaves in this turn, and is still to be taken out.
                count = passed + 1
            } else if let row = try load(id, rows) {
                guard row.queue == timer.queue, row.has(timer) else { break }
                count = passed + 1
            } else if try !rows.contains(Tables.damaged, .damaged(Tables.jobs, .job(id))) {
                break
            }
            passed += 1
        }
        return count
    }
}

extension Timer {
    init?(damagedKey key: [UInt8]) {
        guard key.count == 25, let kind = TimerKind(rawValue: key[8]) else { return nil }
        self.init(due: number(key, 0), kind: kind, number(key, 9), number(key, 17))
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
