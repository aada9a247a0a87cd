package import Store

/// What a worker says of a job that it holds.
package enum Verdict {
    /// The pieces of a result that was staged are stored under `staged` already.
    case complete(result: StoredPayload?, staged: UInt64? = nil)
    case fail(Failure)
    case release
    /// Milliseconds from now.
    case extend(UInt64)
}

/// Whose credit a settlement gives back.
package struct DeliveryCredit: Sendable, Equatable {
    package var session: UInt64
    package var subscription: UInt32
    /// That of the delivery: a later subscription of the same number has greater ones.
    package var token: UInt64
    /// Payload bytes; 0 and `jobs` 0 when the job goes on running.
    package var bytes: Int
    package var jobs: Int
}

extension Engine {
    /// Carries out a settlement, if the token is that of the job's delivery and the lease is the session's.
    /// - Returns: nil when it is not: the lease is lost, and nothing was changed.
    package func settle(
        _ id: UInt64, token: UInt64, session: UInt64, _ verdict: Verdict,
        _ rows: borrowing Transaction
    ) throws -> DeliveryCredit? {
        guard let (key, lease) = try findLease(of: id, token: token, rows), lease.session == session
        else {
            return nil
        }
        if case .extend(let milliseconds) = verdict {
            extend(id, key, lease, until: stamp.now + milliseconds)
            return DeliveryCredit(
                session: session, subscription: lease.subscription, token: token, bytes: 0, jobs: 0)
        }
        let row = try load(id, rows)
        touchedLeases[key, default: lease].jobs.remove(id - key.first)
        let queue = try index(ofQueue: lease.queue)
        count(queue) { $0.running.lower() }
        guard let row else {
            lapsed.append(
                DeliveryCredit(
                    session: session, subscription: lease.subscription, token: token, bytes: 0,
                    jobs: 1))
            return nil
        }
        switch verdict {
        case .complete(let result, let staged):
            try complete(id, row, lease, queue, result, staged, rows)
        case .fail(let failure):
            try fail(id, row, startedAt: lease.startedAt, queue, failure, rows)
        case .release:
            try giveBack(id, row, startedAt: lease.startedAt, queue, as: .interruption, rows)
        case .extend: break
        }
        return DeliveryCredit(
            session: session, subscription: lease.subscription, token: token,
            bytes: Int(row.payloadBytes), jobs: 1)
    }

    // MARK: Ends of an attempt

    private func complete(
        _ id: UInt64, _ stored: JobRow, _ lease: LeaseRow, _ queue: Int, _ result: StoredPayload?,
        _ staged: UInt64?, _ rows: borrowing Transaction
    ) throws {
        var row = stored
        if row.payloadPlace == .pieces {
            try deletePieces(row.payloadBytes, of: id, .payload, rows)
        }
        row.payloadPlace = .dropped
        row.payload.bytes = .none
        row.setStartedAt(lease.startedAt)
        row.history?.failure = Failure()
        queues[queue].rates.count(.completed, at: stamp.now)
        if let result {
            row.result = result
            row.resultBytes = UInt32(result.bytes.count)
            row.resultPlace = result.bytes.count <= EngineLimits.inlineBytesMax ? .row : .pieces
            row.stagedResult = staged
            if row.resultPlace == .pieces, staged == nil {
                try putPieces(result.bytes, of: id, .result, rows)
            }
        }
        try finish(id, row, as: .completed, queue, rows)
    }

    /// An attempt failed: the job is tried again later, if it has attempts left.
    func fail(
        _ id: UInt64, _ stored: JobRow, startedAt: UInt64, _ queue: Int, _ failure: Failure,
        _ rows: borrowing Transaction
    ) throws {
        var row = stored
        row.failures = row.failures.addingOne
        row.setStartedAt(startedAt)
        row.history?.failure = failure
        queues[queue].rates.count(.failed, at: stamp.now)
        let random = mixed(stamp.random, id)
        let wait =
            failure.retryAfter ?? row.backoff.delay(failures: row.failures, random: random)
        let isLast = failure.isDiscard || row.failures >= row.maxAttempts
        try attemptEnded(id, row, queue, isLast: isLast, until: stamp.now + wait, rows)
    }

    /// How an attempt ended that says nothing of the job.
    enum GivenBack {
        case interruption
        case crash(StaticString)
    }

    /// Back to ready, at its old place; a job that has crashed or was interrupted too often is dead
    /// instead.
    func giveBack(
        _ id: UInt64, _ stored: JobRow, startedAt: UInt64, _ queue: Int, as end: GivenBack,
        _ rows: borrowing Transaction
    ) throws {
        var row = stored
        row.setStartedAt(startedAt)
        let isLast: Bool
        switch end {
        case .interruption:
            row.interruptions = row.interruptions.addingOne
            isLast = row.options?.maxInterruptions.map { row.interruptions >= $0 } ?? false
        case .crash(let reason):
            row.crashes = row.crashes.addingOne
            row.history?.failure = Failure(message: reason.bytes)
            isLast = row.crashes >= row.maxCrashes
        }
        try attemptEnded(id, row, queue, isLast: isLast, until: 0, rows)
    }

    /// An attempt ended and did not complete the job: it waits again, unless something has been
    /// waiting for this moment.
    /// - Parameters:
    ///   - isLast: whether no attempts are left.
    ///   - due: when the job is to be tried again.
    private func attemptEnded(
        _ id: UInt64, _ stored: JobRow, _ queue: Int, isLast: Bool, until due: UInt64,
        _ rows: borrowing Transaction
    ) throws {
        var row = stored
        if let ends = row.history?.cancelEndsAt, ends > 0 {
            return try finish(id, row, as: .cancelled, queue, rows)
        }
        if isLast { return try finish(id, row, as: .dead, queue, rows) }
        if let expiresAt = row.expiresAt, expiresAt <= stamp.now {
            return try finish(id, row, as: .expired, queue, rows)
        }
        try forgetProgress(id, row, rows)
        let isLater = due > stamp.now
        if isLater { row.history?.dueAt = due }
        try save(row, id, rows)
        try enter(id, row, isLater ? .scheduled : .ready, queue, rows)
    }

    // MARK: Progress

    /// Keeps what a handler says of its job while it runs.
    /// - Returns: false when the lease is lost.
    package func progress(
        _ id: UInt64, token: UInt64, session: UInt64, done: UInt16, message: String,
        _ rows: borrowing Transaction
    ) throws -> Bool {
        guard let (_, lease) = try findLease(of: id, token: token, rows), lease.session == session
        else {
            return false
        }
        try rows.put(Tables.progress, .job(id)) { writer in
            writer.u16(done)
            writer.bytes(Array(message.utf8))
        }
        hasProgress = true
        return true
    }

    /// Progress rows exist only where a handler reported any; a store in which none does is spared the look.
    func forgetProgress(_ id: UInt64, _ row: JobRow, _ rows: borrowing Transaction) throws {
        if hasProgress { _ = try rows.delete(Tables.progress, .job(id)) }
    }
}

extension JobRow {
    fileprivate mutating func setStartedAt(_ instant: UInt64) {
        if history == nil { history = History() }
        history?.startedAt = instant
    }
}

extension UInt16 {
    /// One more, staying at the largest value.
    var addingOne: UInt16 { self == .max ? .max : self + 1 }
}
