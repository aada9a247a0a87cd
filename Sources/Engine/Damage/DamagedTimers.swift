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
            guard try setAside(Tables.timers, Key(key), "a timer is set aside", error, rows) else {
                throw error
            }
            try putBack(key, rows)
            return try nextTimer(rows)
        }
    }

    private func putBack(_ key: [UInt8], _ rows: borrowing Transaction) throws {
        guard let timer = Timer(damagedKey: key) else { return }
        guard timer.kind.isOfRun else { return try timer.set(rows) }
        let count = try recount(timer, rows)
        try rows.put(Tables.timers, timer.key) { $0.u32(count) }
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

extension Timer {
    fileprivate init?(damagedKey key: [UInt8]) {
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
