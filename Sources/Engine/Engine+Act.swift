package import Store

/// What is done to single jobs by request. What each does in each state is in the protocol's table.
extension Engine {
    /// Does something to a job, if its state allows.
    package func act(
        _ action: JobAction, on id: UInt64, _ rows: borrowing Transaction
    ) throws -> JobActionOutcome {
        guard let job = try place(of: id, rows) else { return try absence(of: id, rows) }
        switch action.kind {
        case .cancel: return try cancel(id, job, action, rows)
        case .retry: return try retry(id, job, action, rows)
        case .delete: return try delete(id, job, rows)
        case .purge: return try purge(id, job, rows)
        case .reprioritise:
            var edit = JobEdit()
            edit.priority = action.priority
            return try self.edit(id, job, edit, rows)
        }
    }

    /// Changes a job that does not run and is not through.
    package func edit(
        _ id: UInt64, _ edit: JobEdit, _ rows: borrowing Transaction
    ) throws -> JobActionOutcome {
        guard let job = try place(of: id, rows) else { return try absence(of: id, rows) }
        return try self.edit(id, job, edit, rows)
    }

    // MARK: The job

    /// A job that something is done to.
    struct PlacedJob {
        var row: JobRow
        var state: JobState
        /// Its queue's place in memory.
        var queue: Int
    }

    private func place(
        of id: UInt64, _ rows: borrowing Transaction
    ) throws -> PlacedJob? {
        guard let row = try load(id, rows) else { return nil }
        return PlacedJob(
            row: row, state: try state(of: id, row, rows), queue: try index(ofQueue: row.queue))
    }

    private func absence(
        of id: UInt64, _ rows: borrowing Transaction
    ) throws -> JobActionOutcome {
        try rows.contains(Tables.damaged, .damaged(Tables.jobs, .job(id))) ? .damaged : .notFound
    }

    // MARK: Verbs

    /// Sends a job back to work: at once, or at a later instant.
    private func retry(
        _ id: UInt64, _ job: PlacedJob, _ action: JobAction, _ rows: borrowing Transaction
    ) throws -> JobActionOutcome {
        var row = job.row
        switch job.state {
        case .ready: return .done(.ready)
        case .running, .completed, .held: return .isInState(job.state)
        case .scheduled, .dead, .cancelled, .expired: break
        }
        try leave(id, row, job.state, job.queue, rows)
        if job.state == .dead { try leaveGroup(id, row, rows) }
        // A dead job whose time was edited waits until then.
        let edited = job.state == .dead ? row.history?.dueAt ?? 0 : 0
        let due = action.runAt > 0 ? action.runAt : edited
        row.noteRedrive(from: job.state, due: due > stamp.now ? due : 0, now: stamp.now)
        if !action.keepsCounters { (row.failures, row.crashes, row.interruptions) = (0, 0, 0) }
        let state = due > stamp.now ? JobState.scheduled : .ready
        if job.state.isFinished { renewExpiry(id, &row, notBefore: max(due, stamp.now)) }
        try save(row, id, rows)
        try enter(id, row, state, job.queue, rows)
        if !isPlanted(.retryNotTold) { tell(.retried, id, row, state) }
        return .done(state)
    }

    /// A job that comes back to life expires when it was to, unless that is over.
    private func renewExpiry(_ id: UInt64, _ row: inout JobRow, notBefore instant: UInt64) {
        guard let expiresAt = row.expiresAt else { return }
        guard expiresAt > instant else {
            row.options?.expiresAt = nil
            if row.options?.isEmpty == true { row.options = nil }
            return
        }
        pendingTimers.add(id, to: .expiry(expiresAt, queue: row.queue))
    }

    private func delete(
        _ id: UInt64, _ job: PlacedJob, _ rows: borrowing Transaction
    ) throws -> JobActionOutcome {
        guard job.state.isFinished else { return .isInState(job.state) }
        try remove(id, job, rows)
        return .done(nil)
    }

    private func purge(
        _ id: UInt64, _ job: PlacedJob, _ rows: borrowing Transaction
    ) throws -> JobActionOutcome {
        guard job.state != .running else { return .isInState(job.state) }
        try remove(id, job, rows)
        return .done(nil)
    }

    /// Removes everything of a job, wherever it is.
    private func remove(
        _ id: UInt64, _ job: PlacedJob, _ rows: borrowing Transaction
    ) throws {
        var row = job.row
        try leave(id, row, job.state, job.queue, rows)
        if !job.state.isFinished {
            try dropUnfinished(id, &row, rows)
            if watched.contains(id) { finishedWatched.append(id) }
        }
        tell(.deleted, id, row, nil)
        try forget(id, &row, rows)
    }
}

extension JobRow {
    /// Somebody sent the job back to work.
    fileprivate mutating func noteRedrive(from state: JobState, due: UInt64, now: UInt64) {
        self.state = .waiting
        var history = self.history ?? History()
        history.dueAt = due
        history.finishedAt = 0
        history.vanishAt = 0
        history.cancelRequestedAt = 0
        history.cancelReason = .none
        history.redrives = history.redrives.addingOne
        history.redrivenAt = now
        history.redrivenFrom = state
        self.history = history
    }
}
