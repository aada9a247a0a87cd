package import Store

/// What a worker says of a job that it holds.
package enum Verdict {
    /// The pieces of a result that was staged are stored under `staged` already.
    case complete(result: StoredPayload?, staged: UInt64? = nil)
    case fail(Failure)
    case release
    /// Milliseconds from now.
    case extend(UInt64)

    /// Whether the job may have to run again.
    var needsPayload: Bool { if case .complete = self { false } else { true } }
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
        let stored = try load(id, withPayload: verdict.needsPayload, rows)
        worker = session
        touchedLeases.remove(id, from: key, lease)
        let queue = try index(ofQueue: lease.queue)
        count(queue) { $0.running.lower() }
        guard var row = stored else {
            lapsed.append(
                DeliveryCredit(
                    session: session, subscription: lease.subscription, token: token, bytes: 0,
                    jobs: 1))
            return nil
        }
        switch verdict {
        case .complete(let result, let staged):
            try complete(id, &row, lease, queue, result, staged, rows)
        case .fail(let failure):
            try fail(id, &row, startedAt: lease.startedAt, queue, failure, rows)
        case .release:
            try giveBack(
                id, &row, startedAt: lease.startedAt, queue, as: .interruption, rows)
        case .extend: break
        }
        return DeliveryCredit(
            session: session, subscription: lease.subscription, token: token,
            bytes: Int(row.payloadBytes), jobs: 1)
    }

    // MARK: Ends of an attempt

    /// An attempt failed: the job is tried again later, if it has attempts left.
    func fail(
        _ id: UInt64, _ row: inout JobRow, startedAt: UInt64, _ queue: Int, _ failure: Failure,
        _ rows: borrowing Transaction
    ) throws {
        row.failures = row.failures.addingOne
        row.setStartedAt(startedAt)
        row.history?.failure = failure
        queues[queue].rates.count(.failed, at: stamp.now)
        let random = mixed(stamp.random, id)
        let wait =
            failure.retryAfter ?? row.backoff.delay(failures: row.failures, random: random)
        let attempts = isPlanted(.attemptsOffByOne) ? row.failures - 1 : row.failures
        let isLast = failure.isDiscard || attempts >= row.maxAttempts
        try attemptEnded(id, &row, queue, .failed, isLast: isLast, until: stamp.now + wait, rows)
    }

    /// How an attempt ended that says nothing of the job.
    enum GivenBack {
        case interruption
        case crash(StaticString)
    }

    /// Back to ready, at its old place; a job that has crashed or was interrupted too often is dead
    /// instead.
    func giveBack(
        _ id: UInt64, _ row: inout JobRow, startedAt: UInt64, _ queue: Int, as end: GivenBack,
        _ rows: borrowing Transaction
    ) throws {
        row.setStartedAt(startedAt)
        let isLast: Bool
        let event: EventKind
        switch end {
        case .interruption:
            event = .released
            row.interruptions = row.interruptions.addingOne
            isLast = row.options?.maxInterruptions.map { row.interruptions >= $0 } ?? false
        case .crash(let reason):
            event = .crashed
            row.crashes = row.crashes.addingOne
            row.history?.failure = Failure(reason)
            isLast = row.crashes >= row.maxCrashes
        }
        try attemptEnded(id, &row, queue, event, isLast: isLast, until: 0, rows)
    }

    /// An attempt ended and did not complete the job: it waits again, unless something has been
    /// waiting for this moment.
    /// - Parameters:
    ///   - isLast: whether no attempts are left.
    ///   - due: when the job is to be tried again.
    private func attemptEnded(
        _ id: UInt64, _ row: inout JobRow, _ queue: Int, _ event: EventKind, isLast: Bool,
        until due: UInt64, _ rows: borrowing Transaction
    ) throws {
        if let end = endAfterAttempt(row, isLast: isLast) {
            tell(event, id, row, end.finished, session: worker, detail: row.lastMessage)
            try finish(id, &row, as: end, queue, rows)
            return
        }
        try forgetProgress(id, row, rows)
        if isPlanted(.checkpointLostOnRetry) { try forgetNotesOfAttempts(id, &row, rows) }
        let isLater = due > stamp.now
        if isLater { row.history?.dueAt = due }
        try save(row, id, rows)
        let state = isLater ? JobState.scheduled : .ready
        try enter(id, row, state, queue, rows)
        tell(event, id, row, state, session: worker, detail: row.lastMessage)
    }

    /// What an attempt that did not complete the job was the last moment of; nil: it waits again.
    private func endAfterAttempt(_ row: JobRow, isLast: Bool) -> StoredState? {
        if let ends = row.history?.cancelEndsAt, ends > 0, !isPlanted(.cancelForgottenByFailure) {
            return .cancelled
        }
        if isLast { return .dead }
        if let expiresAt = row.expiresAt, expiresAt <= stamp.now { return .expired }
        return nil
    }
}

extension UInt16 {
    /// One more, staying at the largest value.
    var addingOne: UInt16 { self == .max ? .max : self + 1 }
}
