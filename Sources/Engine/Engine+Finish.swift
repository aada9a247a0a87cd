import Store

/// The one way in which a job ends.
extension Engine {
    /// Ends a job that has left its place: it is kept for its retention, or gone at once.
    /// - Returns: the state that it is in now; nil when it is gone.
    @discardableResult
    func finish(
        _ id: UInt64, _ row: inout JobRow, as state: StoredState, _ queue: Int,
        _ rows: borrowing Transaction
    ) throws -> JobState? {
        guard let finished = state.finished else { preconditionFailure("waiting is no end") }
        row.state = state
        try dropUnfinished(id, &row, rows)
        if isWatched(id) { finishedWatched.append(id) }
        let keep = keepingTime(id, row)
        countEnd(of: 1, row, queue, as: finished, isKept: keep > 0)
        tellEnd(id, row, finished)
        guard keep > 0 else {
            try forget(id, &row, rows)
            return nil
        }
        row.setFinished(at: stamp.now, keptFor: keep)
        try save(row, id, rows)
        try list(id, row, finished, queue, rows)
        if finished == .dead { try joinGroup(id, row, rows) }
        return finished
    }

    /// Drops what only an unfinished job has: its expiry, its key, what its handler said, a cancel that
    /// was under way.
    func dropUnfinished(
        _ id: UInt64, _ row: inout JobRow, _ rows: borrowing Transaction
    ) throws {
        if row.hasNotes { try forgetNotesOfAttempts(id, &row, rows) }
        if row.hasOptions {
            try dropExpiry(id, row, rows)
            if row.unique?.scope != .period, !isPlanted(.keyNotReleased) {
                try release(id, &row, rows)
            }
        }
        try forgetCancel(id, &row, rows)
    }

    /// Removes the timer with which an unfinished job expires.
    func dropExpiry(_ id: UInt64, _ row: JobRow, _ rows: borrowing Transaction) throws {
        guard let expiresAt = row.expiresAt, !isPlanted(.expiryKeepsItsTimer) else { return }
        pendingTimers.remove(id, from: .expiry(expiresAt, queue: row.queue))
    }

    func isWatched(_ id: UInt64) -> Bool { !watched.isEmpty && watched.contains(id) }

    /// How long a finished job is kept, in milliseconds: at least while somebody waits for it, and as
    /// long as it holds its unique key.
    func keepingTime(_ id: UInt64, _ row: JobRow) -> UInt64 {
        var keep = row.retention(isPlanted(.retentionOfAnotherOutcome) ? .completed : row.state)
        if isWatched(id) {
            keep = max(keep, EngineLimits.watchedRetention)
        }
        if let unique = row.unique, unique.isHeld, unique.until > stamp.now {
            keep = max(keep, unique.until - stamp.now)
        }
        return keep
    }

    /// Counts the end of jobs whose rows say the same in every way in which ends are counted.
    func countEnd(
        of jobs: UInt32, _ row: JobRow, _ queue: Int, as state: JobState, isKept: Bool
    ) {
        let now = stamp.now
        let isForgotten = isPlanted(.counterNotMoved) && state == .cancelled
        change(queue) {
            $0.row.totals.count(state, UInt64(jobs))
            if isKept, !isForgotten { $0.row.add(UInt64(jobs), to: state, bytes: 0) }
            if state == .completed { $0.rates.count(.completed, at: now, times: jobs) }
        }
        guard state == .completed || state == .dead, let history = row.history,
            history.startedAt > 0
        else { return }
        let readyAt = max(row.createdAt, history.dueAt)
        times.count(
            UInt64(jobs), queue: row.queue, type: row.type,
            wait: history.startedAt - min(readyAt, history.startedAt),
            run: now - min(history.startedAt, now), total: now - min(row.createdAt, now))
    }
}

extension JobRow {
    mutating func setFinished(at now: UInt64, keptFor milliseconds: UInt64) {
        var history = self.history ?? History()
        let grain = EngineLimits.retentionGrain
        history.finishedAt = now
        history.vanishAt = (now + milliseconds + grain - 1) / grain * grain
        self.history = history
    }

    /// Somebody asked that the job be cancelled, and it is.
    mutating func noteCancel(reason: UnsafeRawBufferPointer, at now: UInt64) {
        var history = self.history ?? History()
        history.cancelRequestedAt = now
        history.cancelReason = reason
        self.history = history
    }
}

extension QueueTotals {
    fileprivate mutating func count(_ end: JobState, _ jobs: UInt64) {
        switch end {
        case .scheduled, .ready, .running, .held: break
        case .completed: completed += jobs
        case .dead: died += jobs
        case .cancelled: cancelled += jobs
        case .expired: expired += jobs
        }
    }
}

extension UInt64 {
    /// Counts down, to no less than zero: damage may have taken what was counted.
    mutating func lower(by amount: UInt64 = 1) { self -= Swift.min(self, amount) }
}
