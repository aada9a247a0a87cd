package import Store

extension Engine {
    /// Works off what is due, in bounded steps.
    /// - Returns: when it wants to be called next, in milliseconds since 1970: now, if steps ran out; nil when no timer is set.
    package func tick(_ rows: borrowing Transaction) throws -> UInt64? {
        var steps = EngineLimits.stepsPerTurn
        try endSessions(&steps, rows)
        while steps > 0, let timer = try nextTimer(rows) {
            guard timer.due <= stamp.now else { return endingFrom == nil ? timer.due : stamp.now }
            steps -= 1
            switch timer.kind {
            case .ready: try becomesReady(timer, rows)
            case .lease: try leaseEnded(timer, rows)
            case .retention: try vanish(timer, &steps, rows)
            case .session: try graceEnded(timer, rows)
            case .producer: try producerExpires(timer, rows)
            }
        }
        return steps > 0 && endingFrom == nil ? nil : stamp.now
    }

    private func nextTimer(_ rows: borrowing Transaction) throws -> Timer? {
        try rows.first(Tables.timers, atOrAfter: Key().adding(u64: 0)) { key, _ in
            try Timer(from: &key)
        }
    }

    private func becomesReady(_ timer: Timer, _ rows: borrowing Transaction) throws {
        try timer.unset(rows)
        guard var row = try load(timer.first, rows), row.state == .scheduled else { return }
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
        while steps > 0, let run = runs.first {
            let taken = UInt32(min(steps, Int(run.count)))
            for id in run.first..<run.first + UInt64(taken) { try vanish(id, rows) }
            steps -= Int(taken)
            runs[0].first += UInt64(taken)
            runs[0].count -= taken
            if runs[0].count == 0 { runs.removeFirst() }
        }
        guard let first = runs.first else { return }
        let rest = Timer(due: timer.due, kind: .retention, first.first)
        try rows.put(Tables.timers, rest.key) { writer in
            for run in runs {
                writer.u64(run.first)
                writer.u32(run.count)
            }
        }
    }

    private func vanish(_ id: UInt64, _ rows: borrowing Transaction) throws {
        guard let row = try load(id, rows), row.state.isFinished else { return }
        let queue = try index(ofQueue: row.queue)
        count(queue) {
            if row.state == .dead { $0.dead -= 1 } else { $0.retained -= 1 }
        }
        try forget(id, row, rows)
    }
}
