import Store

@testable import Engine

extension Wish {
    /// - Parameter now: delays become instants now and then, which must come to the same.
    func options(now: UInt64) -> JobOptions {
        var options = JobOptions(
            maxAttempts: maxAttempts, backoff: backoff, retainCompleted: retain[.completed],
            retainDead: retain[.dead])
        options.retainCancelled = retain[.cancelled]
        options.retainExpired = retain[.expired]
        options.priority = priority
        options.maxCrashes = maxCrashes
        options.maxInterruptions = maxInterruptions
        options.timeToLive = expires
        options.timeout = timeout
        if let delay, delay.isMultiple(of: 2) {
            options.runAt = now + delay
        } else {
            options.delay = delay
        }
        return options
    }
}

extension EngineHarness {
    func submit(
        _ queue: String, payload: [UInt8], _ wish: Wish, _ rows: borrowing Transaction
    ) throws -> SubmissionOutcome {
        try engine.submit(submission(payload, wish), to: index(queue), rows)
    }

    /// The same for one of several jobs that are alike; ends the run when the job is none of it.
    func submit(
        _ queue: String, payload: [UInt8], _ wish: Wish, run: inout SubmittedRun?,
        _ rows: borrowing Transaction
    ) throws -> SubmissionOutcome {
        if let id = try engine.submit(stored(payload), to: &run, rows) { return .accepted(id) }
        if let run { try engine.end(run, rows) }
        run = nil
        let submission = submission(payload, wish)
        let outcome = try engine.submit(submission, to: index(queue), rows)
        if case .accepted(let id) = outcome {
            run = try engine.run(behind: id, submission, in: index(queue), rows)
        }
        return outcome
    }

    private func submission(_ payload: [UInt8], _ wish: Wish) -> Submission {
        var submission = Submission(
            type: arena.copy("letter"), payload: stored(payload), options: wish.options(now: now))
        submission.tags = arena.copy(wireTexts(wish.tags))
        submission.headers = arena.copy(wireTexts(wish.headers))
        if let unique = wish.unique {
            submission.unique = UniqueKey(
                scope: unique.scope, policy: unique.policy,
                needsSamePayload: unique.samePayload, period: unique.period,
                bytes: arena.copy(unique.key))
        }
        return submission
    }

    func log(
        _ id: UInt64, _ token: UInt64, by session: UInt64, _ lines: [String],
        _ rows: borrowing Transaction
    ) throws -> Bool {
        try engine.log(
            id, token: token, session: session, lines: lines.map { arena.copy($0) }, rows)
    }

    func checkpoint(
        _ id: UInt64, _ token: UInt64, by session: UInt64, _ bytes: [UInt8],
        _ rows: borrowing Transaction
    ) throws -> Bool {
        try engine.checkpoint(id, token: token, session: session, arena.copy(bytes), rows)
    }
}

extension EngineHarness {
    // MARK: Acting

    func cancel(
        _ id: UInt64, grace: UInt64, reason: String, _ rows: borrowing Transaction
    ) throws -> JobActionOutcome {
        var action = JobAction(.cancel)
        action.grace = grace
        action.reason = reason
        return try engine.act(action, on: id, rows)
    }

    func retry(
        _ id: UInt64, keepsCounters: Bool, at instant: UInt64, _ rows: borrowing Transaction
    ) throws -> JobActionOutcome {
        var action = JobAction(.retry)
        action.keepsCounters = keepsCounters
        action.runAt = instant
        return try engine.act(action, on: id, rows)
    }

    func reprioritise(
        _ id: UInt64, to priority: UInt8, _ rows: borrowing Transaction
    ) throws -> JobActionOutcome {
        var action = JobAction(.reprioritise)
        action.priority = priority
        return try engine.act(action, on: id, rows)
    }

    func edit(
        _ id: UInt64, _ change: Model.Change, _ rows: borrowing Transaction
    ) throws -> JobActionOutcome {
        var edit = JobEdit()
        edit.priority = change.priority
        edit.runAt = change.delay.map { now + $0 }
        edit.timeToLive = change.expires
        edit.tags = change.tags.map { arena.copy(wireTexts($0)) }
        edit.headers = change.headers.map { arena.copy(wireTexts($0)) }
        edit.payload = change.payload.map { stored($0) }
        return try engine.edit(id, edit, rows)
    }

    func delete(
        _ id: UInt64, alsoWaiting: Bool, _ rows: borrowing Transaction
    ) throws -> JobActionOutcome {
        try engine.act(JobAction(alsoWaiting ? .purge : .delete), on: id, rows)
    }
}

extension EngineHarness {
    // MARK: Looking

    func list(
        _ filter: JobFilter, oldestFirst: Bool, limit: Int, after: UInt64?
    ) throws -> JobListPage {
        let request = JobListRequest(
            filter, oldestFirst: oldestFirst, limit: limit, after: after)
        return try store.snapshot { try JobInspector.list(request, $0) }
    }
}
