import Store

extension Engine {
    /// The timer that is due first. A damaged one counts for what its key says: whatever acts on a
    /// timer looks first whether it is true. Only a list of jobs to vanish is lost; a sweep finds them.
    func nextTimer(_ rows: borrowing Transaction) throws -> Timer? {
        do {
            return try rows.first(Tables.timers, atOrAfter: Key().adding(u64: 0)) { key, _ in
                try Timer(from: &key)
            }
        } catch let error as StoreError {
            guard case .damaged(Tables.timers, let key) = error.code, !key.isEmpty else {
                throw error
            }
            guard try setAside(Tables.timers, Key(key), "a timer is set aside", error, rows) else {
                throw error
            }
            if let timer = Timer(damagedKey: key) {
                if timer.kind == .retention {
                    try Timer(sweepAfter: timer.due).set(rows)
                } else {
                    try timer.set(rows)
                }
            }
            return try nextTimer(rows)
        }
    }

    /// Looks at all jobs, as many as steps allow, for finished ones that should have vanished: those
    /// of a list that was damaged.
    func sweep(_ timer: Timer, _ steps: inout Int, _ rows: borrowing Transaction) throws {
        try timer.unset(rows)
        var next = timer.first
        while let id = try job(atOrAfter: next, rows), id >= next {
            guard steps > 0 else {
                return try Timer(due: timer.due, kind: .sweep, id).set(rows)
            }
            steps -= 1
            next = id &+ 1
            guard let row = try load(id, rows), row.isOverdue(at: stamp.now) else { continue }
            try vanish(id, row, &steps, rows)
        }
    }

    private func job(atOrAfter id: UInt64, _ rows: borrowing Transaction) throws -> UInt64? {
        do {
            return try rows.first(Tables.jobs, atOrAfter: .job(id)) { key, _ in try key.u64() }
        } catch let error as StoreError {
            guard case .damaged(Tables.jobs, let key) = error.code, key.count == 8 else {
                throw error
            }
            return number(key, 0)
        }
    }
}

extension Timer {
    /// Later than any job that was in the list of `due` could have been kept for.
    fileprivate init(sweepAfter due: UInt64) {
        let slack = EngineLimits.watchedRetention + EngineLimits.retentionGrain
        self.init(due: due < .max - slack ? due + slack : .max, kind: .sweep, 0)
    }

    init?(damagedKey key: [UInt8]) {
        guard key.count == 25, let kind = TimerKind(rawValue: key[8]) else { return nil }
        self.init(due: number(key, 0), kind: kind, number(key, 9), number(key, 17))
    }
}

extension JobRow {
    /// Whether it should have vanished already, whether or not somebody waited for it.
    fileprivate func isOverdue(at now: UInt64) -> Bool {
        guard state.isFinished, let finishedAt = history?.finishedAt else { return false }
        let asked = state == .completed ? retainCompleted : retainDead
        let kept = max(asked, EngineLimits.watchedRetention) + EngineLimits.retentionGrain
        return finishedAt + kept <= now
    }
}
