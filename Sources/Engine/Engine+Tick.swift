package import Store

extension Engine {
    /// Works off what is due, in bounded steps.
    /// - Returns: when it wants to be called next, in milliseconds since 1970: now, if steps ran out;
    ///   nil when no timer is set.
    package func tick(_ rows: borrowing Transaction) throws -> UInt64? {
        var steps = Steps(rows)
        // What was extended in this turn does not end in it.
        try writeExtensions(rows)
        try walkLeases(&steps, rows)
        try workOffTimers(&steps, rows)
        if steps.areLeft(rows), !deletingQueues.isEmpty { try deleteQueues(&steps, rows) }
        if !recounts.isEmpty { try continueRecounts(&steps, rows) }
        try writePendingRuns(rows)
        guard steps.areLeft(rows), leaseWalk.next == nil, deletingQueues.isEmpty, recounts.isEmpty
        else {
            return stamp.now
        }
        let next = try nextTimer(rows)?.due
        return [next, times.due(after: stamp.now)].compactMap { $0 }.min()
    }

    private func workOffTimers(_ steps: inout Steps, _ rows: borrowing Transaction) throws {
        while steps.areLeft(rows) {
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

    /// Expires jobs that still wait. A running one goes on; it expires when it would have to wait again.
    private func expire(
        _ timer: Timer, _ steps: inout Steps, _ rows: borrowing Transaction
    ) throws {
        guard let queue = place(ofQueue: timer.queue) else { return try timer.unset(rows) }
        var jobs = JobRun(first: timer.first, count: 0)
        while steps.areLeft(rows), jobs.count < timer.count {
            let id = jobs.end
            jobs.count += 1
            steps -= 1
            guard var row = try load(id, rows), !row.state.isFinished else { continue }
            let state = try state(of: id, row, rows)
            guard state != .running else { continue }
            if isPlanted(.expiryOnlyWhileReady), state == .scheduled { continue }
            try leave(id, row, state, queue, rows)
            try finish(id, &row, as: .expired, queue, rows)
        }
        try timer.place.remove(jobs, rows)
    }

    /// Removes finished jobs whose retention is over.
    private func vanish(
        _ timer: Timer, _ steps: inout Steps, _ rows: borrowing Transaction
    ) throws {
        guard let state = timer.state, let queue = place(ofQueue: timer.queue) else {
            return try timer.unset(rows)
        }
        // A damaged run is put together again from its jobs: while they are there.
        let index = IndexPlace(timer.queue, state)
        let count = min(timer.count, UInt32(clamping: steps.left))
        try mending(rows) { try index.check(JobRun(first: timer.first, count: count), rows) }
        var next = timer.first
        while steps.areLeft(rows), next < timer.jobs.end {
            next = try forgetPlain(from: next, to: timer.jobs.end, &steps, rows)
            guard steps.areLeft(rows), next < timer.jobs.end else { break }
            steps -= 1
            if var row = try load(next, withPayload: false, rows), row.state.isFinished {
                try forget(next, &row, rows)
            }
            next += 1
        }
        let jobs = JobRun(first: timer.first, count: UInt32(next - timer.first))
        try timer.place.remove(jobs, rows)
        let listed = try mending(rows) { try index.remove(jobs, rows).jobs }
        self.count(queue) { $0.remove(listed, from: state, bytes: 0) }
    }

    /// Removes finished jobs that have but their rows, in one sweep.
    /// - Returns: the first that has more, or is damaged, or is one too many.
    private func forgetPlain(
        from first: UInt64, to end: UInt64, _ steps: inout Steps, _ rows: borrowing Transaction
    ) throws -> UInt64 {
        var stoppedAt = end
        do {
            try rows.sweep(Tables.jobs, from: .job(first), to: .job(end)) { key, reader in
                guard steps.areLeft(rows), try JobRow(from: &reader).isPlain else {
                    stoppedAt = try key.u64()
                    return .stop
                }
                steps -= 1
                return .remove
            }
        } catch let error as StoreError {
            return try damagedJob(error)
        }
        return stoppedAt
    }
}

extension JobRow {
    /// Whether it is finished and nothing is stored of it but this row.
    fileprivate var isPlain: Bool {
        state.isFinished && !hasNotes && payloadPlace != .pieces && resultPlace != .pieces
            && !isInGroup && !namesDictionary && unique?.isHeld != true
    }
}
