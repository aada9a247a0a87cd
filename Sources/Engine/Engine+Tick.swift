package import Store

extension Engine {
    /// Works off what is due, in bounded steps.
    /// - Returns: when it wants to be called next, in milliseconds since 1970: now, if steps ran out;
    ///   nil when no timer is set.
    package func tick(_ rows: borrowing Transaction) throws -> UInt64? {
        var steps = EngineLimits.stepsPerTurn
        // What was extended in this turn does not end in it.
        try writeExtensions(rows)
        try walkLeases(&steps, rows)
        while steps > 0, let timer = try nextTimer(rows) {
            guard timer.due <= stamp.now else {
                return leaseWalk.next == nil ? timer.due : stamp.now
            }
            steps -= 1
            switch timer.kind {
            case .ready: try becomesReady(timer, rows)
            case .lease: try leaseEnded(timer, &steps, rows)
            case .retention: try vanish(timer, &steps, rows)
            case .session: try graceEnded(timer, rows)
            case .producer: try producerExpires(timer, rows)
            case .sweep: try sweep(timer, &steps, rows)
            }
        }
        return steps > 0 && leaseWalk.next == nil ? nil : stamp.now
    }

    private func becomesReady(_ timer: Timer, _ rows: borrowing Transaction) throws {
        try timer.unset(rows)
        guard var row = try load(timer.first, rows) else {
            // Damaged: the timer alone knows where it was counted.
            let queue = place(ofQueue: UInt32(clamping: timer.second))
            return queue.map { count($0) { $0.scheduled.lower() } } ?? ()
        }
        guard row.state == .scheduled else { return }
        let queue = try index(ofQueue: row.queue)
        row.state = .ready
        row.history?.dueAt = 0
        try save(row, timer.first, rows)
        count(queue) { $0.scheduled.lower() }
        try makeReady(timer.first, order: row.order, queue, rows)
    }

    private func graceEnded(_ timer: Timer, _ rows: borrowing Transaction) throws {
        try timer.unset(rows)
        guard var session = sessions[timer.first], session.graceEnds == timer.due else { return }
        session.graceEnds = 0
        sessions[timer.first] = session
        try endSession(timer.first, .crashed, rows)
    }

    /// Removes finished jobs whose retention is over, as many as steps allow; the rest stays listed.
    private func vanish(_ timer: Timer, _ steps: inout Int, _ rows: borrowing Transaction) throws {
        var runs = try rows.get(Tables.timers, timer.key) { try [FinishedRun](from: &$0) } ?? []
        try timer.unset(rows)
        var done = 0
        while steps > 0, done < runs.count {
            try vanish(runs[done].jobs.first, listedIn: runs[done], &steps, rows)
            runs[done].jobs.first += 1
            runs[done].jobs.count -= 1
            if runs[done].jobs.count == 0 { done += 1 }
        }
        guard done < runs.count else { return }
        let rest = Timer(due: timer.due, kind: .retention, runs[done].jobs.first)
        try rows.put(Tables.timers, rest.key) { runs[done...].write(to: &$0) }
    }

    private func vanish(
        _ id: UInt64, listedIn run: FinishedRun, _ steps: inout Int, _ rows: borrowing Transaction
    ) throws {
        if let row = try load(id, rows) {
            if row.state.isFinished { try vanish(id, row, &steps, rows) }
            return
        }
        steps -= 1
        // One that is damaged is not counted any more from now on; one that a sweep found is gone.
        guard let queue = place(ofQueue: run.queue),
            try rows.contains(Tables.damaged, .damaged(Tables.jobs, .job(id)))
        else { return }
        count(queue) { $0.forget(isDead: run.isDead) }
    }

    /// Removes one finished job; every row of it is a step.
    func vanish(
        _ id: UInt64, _ row: JobRow, _ steps: inout Int, _ rows: borrowing Transaction
    ) throws {
        steps -= 1 + row.pieceCount
        count(try index(ofQueue: row.queue)) { $0.forget(isDead: row.state == .dead) }
        try forget(id, row, rows)
    }
}

extension QueueRow {
    /// A finished job is no longer kept.
    fileprivate mutating func forget(isDead: Bool) {
        if isDead { dead.lower() } else { retained.lower() }
    }
}
