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
        try workOffTimers(&steps, rows)
        if steps > 0, !deletingQueues.isEmpty { try deleteQueues(&steps, rows) }
        if !recounts.isEmpty { try continueRecounts(&steps, rows) }
        try writePendingRuns(rows)
        guard steps > 0, leaseWalk.next == nil, deletingQueues.isEmpty, recounts.isEmpty else {
            return stamp.now
        }
        let next = try nextTimer(rows)?.due
        return [next, times.dueAt].compactMap { $0 }.min()
    }

    private func workOffTimers(_ steps: inout Int, _ rows: borrowing Transaction) throws {
        while steps > 0 {
            try writePendingRuns(rows)
            guard let timer = try nextTimer(rows), timer.due <= stamp.now else { return }
            steps -= 1
            switch timer.kind {
            case .ready: try becomeReady(timer, rows)
            case .lease: try leaseEnded(timer, &steps, rows)
            case .retention: try vanish(timer, &steps, rows)
            case .session: try graceEnded(timer, rows)
            case .producer: try producerExpires(timer, rows)
            case .expiry: try expire(timer, &steps, rows)
            case .unique: try keyBecomesFree(timer, rows)
            case .cancel: try cancelGraceEnded(timer, rows)
            case .action: try continueBulkAction(timer, &steps, rows)
            }
        }
    }

    /// A run of scheduled jobs becomes ready as a whole: no job's row is read or written.
    private func becomeReady(_ timer: Timer, _ rows: borrowing Transaction) throws {
        try timer.unset(rows)
        guard let queue = place(ofQueue: timer.queue) else { return }
        let jobs = try mending(rows) {
            try IndexPlace(timer.queue, .scheduled).remove(timer.jobs, rows)
        }
        for run in jobs.reversed() {
            try queues[queue].ready.insert(run, order: timer.order, rows)
            if events.isOn { try tellReady(run, rows) }
        }
        count(queue) {
            $0.scheduled.lower(by: jobs.jobs)
            $0.ready += jobs.jobs
        }
    }

    private func graceEnded(_ timer: Timer, _ rows: borrowing Transaction) throws {
        try timer.unset(rows)
        guard var session = sessions[timer.first], session.graceEnds == timer.due else { return }
        session.graceEnds = 0
        sessions[timer.first] = session
        try endSession(timer.first, .crashed, rows)
    }

    // MARK: Runs of jobs, in steps

    /// Takes as many jobs from a fired timer as steps allow; the timer stays for the rest.
    private func take(
        from timer: Timer, _ steps: Int, _ rows: borrowing Transaction
    ) throws -> JobRun {
        let taken = JobRun(first: timer.first, count: min(timer.count, UInt32(max(1, steps))))
        try timer.place.remove(taken, rows)
        return taken
    }

    /// Expires jobs that still wait. A running one goes on; it expires when it would have to wait again.
    private func expire(_ timer: Timer, _ steps: inout Int, _ rows: borrowing Transaction) throws {
        let jobs = try take(from: timer, steps, rows)
        guard let queue = place(ofQueue: timer.queue) else { return }
        for id in jobs.first..<jobs.end {
            steps -= 1
            guard var row = try load(id, rows), !row.state.isFinished else { continue }
            let state = try state(of: id, row, rows)
            guard state != .running else { continue }
            if isPlanted(.expiryOnlyWhileReady), state == .scheduled { continue }
            try leave(id, row, state, queue, rows)
            try finish(id, &row, as: .expired, queue, rows)
        }
    }

    /// Removes finished jobs whose retention is over. Every row of them is a step.
    private func vanish(_ timer: Timer, _ steps: inout Int, _ rows: borrowing Transaction) throws {
        guard let state = timer.state, let queue = place(ofQueue: timer.queue) else {
            return try timer.unset(rows)
        }
        var jobs = JobRun(first: timer.first, count: 0)
        while steps > 0, jobs.count < timer.count {
            let id = jobs.end
            jobs.count += 1
            steps -= 1
            guard var row = try load(id, withPayload: false, rows), row.state.isFinished else {
                continue
            }
            steps -= row.pieceCount
            try forget(id, &row, rows)
        }
        try timer.place.remove(jobs, rows)
        let listed = try mending(rows) {
            try IndexPlace(timer.queue, state).remove(jobs, rows).jobs
        }
        count(queue) { $0.remove(listed, from: state, bytes: 0) }
    }
}
