@testable import Engine

extension Model {
    /// The jobs that a delivery brings.
    mutating func deliver(
        _ queue: String, to session: UInt64, max: Int, bytes: Int, mayExceed: Bool, lease: UInt64
    ) -> [UInt64] {
        var ids: [UInt64] = []
        var bytesLeft = bytes
        for id in ready(queue).prefix(max) {
            guard var job = jobs[id] else { break }
            let size = job.payload.count
            guard size <= bytesLeft || (ids.isEmpty && mayExceed) else { break }
            bytesLeft -= size
            ids.append(id)
            let limit = job.wish.timeout.map { now + $0 + 10_000 } ?? .max
            job.state = .running
            job.run = Run(
                token: nextToken, session: session, startedAt: now,
                deadline: min(now + lease, limit), limit: limit)
            if job.wish.unique?.scope == .waiting { job.holdsKey = false }
            jobs[id] = job
            tell(.delivered, id, .running)
        }
        if !ids.isEmpty { nextToken += 1 }
        return ids
    }

    func isHeld(_ id: UInt64, _ token: UInt64, by session: UInt64) -> Bool {
        jobs[id]?.run.map { $0.token == token && $0.session == session } ?? false
    }

    /// Whether the settlement is accepted.
    mutating func settle(_ id: UInt64, _ token: UInt64, by session: UInt64, _ outcome: Outcome)
        -> Bool
    {
        guard isHeld(id, token, by: session) else { return false }
        switch outcome {
        case .complete: finish(id, .completed)
        case .fail(let message): fail(id, FailureWish(message: message, fingerprint: 0))
        case .failed(let message, _, let fingerprint):
            fail(id, FailureWish(message: message, fingerprint: fingerprint))
        case .failedAs(let failure): fail(id, failure)
        case .release: giveBack(id, asCrash: nil)
        case .extend(let milliseconds):
            let limit = jobs[id]?.run?.limit ?? .max
            jobs[id]?.run?.deadline = min(now + milliseconds, limit)
        }
        return true
    }

    // MARK: Ends of an attempt

    mutating func fail(_ id: UInt64, _ failure: FailureWish) {
        guard var job = jobs[id] else { return }
        let cancel = job.run?.cancel
        job.run = nil
        job.failures += 1
        job.error = failure.message
        job.fingerprint = failure.fingerprint
        let backoff = (job.wish.backoff ?? .standard)
            .delay(failures: job.failures, random: mixed(random, id))
        job.due = now + (failure.retryAfter ?? backoff)
        job.state = job.due > now ? .scheduled : .ready
        jobs[id] = job
        ended(
            id, .failed, isCancelled: cancel != nil,
            isLast: failure.isDiscard || job.failures >= job.maxAttempts)
    }

    /// - Parameter event: how the attempt ended.
    private mutating func ended(
        _ id: UInt64, _ event: EventKind, isCancelled: Bool, isLast: Bool
    ) {
        let isTooOld = (jobs[id]?.expiresAt ?? .max) <= now
        let end: JobState? = isCancelled ? .cancelled : isLast ? .dead : isTooOld ? .expired : nil
        tell(event, id, end ?? jobs[id]?.state)
        if let end { finish(id, end) }
    }

    /// - Parameter crash: the error that it counts as; nil for an interruption.
    mutating func giveBack(_ id: UInt64, asCrash crash: StaticString?) {
        guard var job = jobs[id] else { return }
        let cancel = job.run?.cancel
        job.run = nil
        if let crash {
            job.crashes += 1
            job.error = "\(crash)"
            job.fingerprint = Failure(crash).fingerprint
        } else {
            job.interruptions += 1
        }
        job.state = .ready
        jobs[id] = job
        let isLast =
            crash == nil
            ? job.interruptions >= job.maxInterruptions : job.crashes >= job.maxCrashes
        ended(
            id, crash == nil ? .released : .crashed, isCancelled: cancel != nil, isLast: isLast)
    }

    mutating func finish(_ id: UInt64, _ state: JobState) {
        guard var job = jobs[id] else { return }
        let defaults: [JobState: UInt64] = [.dead: JobOptions.defaultRetainDead]
        var kept = job.wish.retain[state] ?? defaults[state] ?? JobOptions.defaultRetainCompleted
        if watched.contains(id) { kept = max(kept, 10_000) }
        job.state = state
        job.run = nil
        if job.wish.unique?.scope != .period { job.holdsKey = false }
        if job.holdsKey, job.holdsKeyUntil > now { kept = max(kept, job.holdsKeyUntil - now) }
        job.due = (now + kept + 999) / 1_000 * 1_000
        job.checkpoint = []
        if state == .completed { (job.error, job.fingerprint) = (nil, 0) }
        jobs[id] = kept == 0 ? nil : job
        tellEnd(id, state)
        noteEnd(in: job.queue, state)
    }

    private mutating func noteEnd(in name: String, _ state: JobState) {
        var queue = queues[name, default: Queue()]
        switch state {
        case .completed: queue.completed += 1
        case .dead: queue.died += 1
        case .cancelled: queue.cancelled += 1
        default: queue.expired += 1
        }
        queues[name] = queue
    }
}
