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
            }
        }
        return steps > 0 && leaseWalk.next == nil ? nil : stamp.now
    }

    private func becomesReady(_ timer: Timer, _ rows: borrowing Transaction) throws {
        try timer.unset(rows)
        guard var row = try load(timer.first, rows) else {
            // Damaged: the timer alone knows where it was counted.
            let queue = place(ofQueue: UInt32(clamping: timer.second))
            return queue.map { count($0) { $0.scheduled -= 1 } } ?? ()
        }
        guard row.state == .scheduled else { return }
        let queue = try index(ofQueue: row.queue)
        row.state = .ready
        row.history?.dueAt = 0
        try save(row, timer.first, rows)
        count(queue) {
            $0.scheduled -= 1
            $0.ready += 1
        }
        try queues[queue].ready.insert(timer.first, order: row.order, rows)
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
        var runs: [JobRun] = []
        try rows.get(Tables.timers, timer.key) { reader in
            while reader.remaining > 0 {
                runs.append(JobRun(first: try reader.u64(), count: try reader.u32()))
            }
        }
        try timer.unset(rows)
        var done = 0
        while steps > 0, done < runs.count {
            try vanish(runs[done].first, &steps, rows)
            runs[done].first += 1
            runs[done].count -= 1
            if runs[done].count == 0 { done += 1 }
        }
        runs.removeFirst(done)
        guard let first = runs.first else { return }
        let rest = Timer(due: timer.due, kind: .retention, first.first)
        try rows.put(Tables.timers, rest.key) { writer in
            for run in runs {
                writer.u64(run.first)
                writer.u32(run.count)
            }
        }
    }

    /// Removes one finished job; every row of it is a step.
    private func vanish(_ id: UInt64, _ steps: inout Int, _ rows: borrowing Transaction) throws {
        steps -= 1
        guard let row = try load(id, rows), row.state.isFinished else { return }
        steps -= row.pieceCount
        let queue = try index(ofQueue: row.queue)
        count(queue) {
            if row.state == .dead { $0.dead -= 1 } else { $0.retained -= 1 }
        }
        try forget(id, row, rows)
    }
}
