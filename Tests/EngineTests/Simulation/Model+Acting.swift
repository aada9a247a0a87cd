@testable import Engine

extension Model {
    mutating func cancel(_ id: UInt64, grace: UInt64, reason: String) -> JobActionOutcome {
        guard let job = jobs[id] else { return .notFound }
        switch job.state {
        case .scheduled, .ready:
            jobs[id]?.cancelReason = reason
            finish(id, .cancelled)
            return .done(jobs[id]?.state)
        case .running: return cancelRunning(id, Cancel(reason: reason, deadline: now + grace))
        case .cancelled: return .done(.cancelled)
        default: return .isFinished(job.state)
        }
    }

    private mutating func cancelRunning(_ id: UInt64, _ cancel: Cancel) -> JobActionOutcome {
        // Of two the one that ends sooner counts.
        if let pending = jobs[id]?.run?.cancel, pending.deadline <= cancel.deadline {
            return .done(.running)
        }
        jobs[id]?.run?.cancel = cancel
        jobs[id]?.cancelReason = cancel.reason
        if cancel.deadline <= now { endCancelled(id) } else { tell(.cancelRequested, id, .running) }
        return .done(jobs[id].map(\.state))
    }

    /// Takes the job from its worker, which counts as the end of its lease.
    mutating func endCancelled(_ id: UInt64) {
        jobs[id]?.crashes += 1
        finish(id, .cancelled)
    }

    mutating func retry(_ id: UInt64, keepsCounters: Bool, at instant: UInt64) -> JobActionOutcome {
        guard var job = jobs[id] else { return .notFound }
        switch job.state {
        case .ready: return .done(.ready)
        case .running, .completed: return .isInState(job.state)
        default: break
        }
        if !keepsCounters { (job.failures, job.crashes, job.interruptions) = (0, 0, 0) }
        job.retried += 1
        // A dead job whose time was edited waits until then.
        let due = instant > 0 ? instant : job.state == .dead ? job.editedDue : 0
        if job.state.isFinished, job.expiresAt <= max(due, now) { job.expiresAt = .max }
        job.state = due > now ? .scheduled : .ready
        job.due = due
        job.editedDue = 0
        jobs[id] = job
        tell(.retried, id, job.state)
        return .done(job.state)
    }

    mutating func reprioritise(_ id: UInt64, to priority: UInt8) -> JobActionOutcome {
        guard let job = jobs[id] else { return .notFound }
        guard job.isWaiting || job.state == .dead else { return .isInState(job.state) }
        jobs[id]?.priority = priority
        tell(.edited, id, job.state)
        return .done(job.state)
    }

    struct Change {
        var priority: UInt8?
        var delay: UInt64?
        var expires: UInt64?
        var tags: [String]?
        var headers: [String]?
        var payload: [UInt8]?
    }

    mutating func edit(_ id: UInt64, _ change: Change) -> JobActionOutcome {
        guard var job = jobs[id] else { return .notFound }
        guard job.isWaiting || job.state == .dead else { return .isInState(job.state) }
        if let priority = change.priority { job.priority = priority }
        if let tags = change.tags { job.tags = tags }
        if let headers = change.headers { job.headers = headers }
        if let payload = change.payload { job.payload = payload }
        if let expires = change.expires { job.expiresAt = now + expires }
        if let delay = change.delay, job.isWaiting {
            job.state = delay > 0 ? .scheduled : .ready
            job.due = now + delay
        } else if let delay = change.delay {
            job.editedDue = now + delay
        }
        jobs[id] = job
        tell(.edited, id, job.state)
        return .done(job.state)
    }

    /// Removes a finished job; a purge removes a waiting one too.
    mutating func delete(_ id: UInt64, alsoWaiting: Bool) -> JobActionOutcome {
        guard let job = jobs[id] else { return .notFound }
        guard job.state.isFinished || (alsoWaiting && job.isWaiting) else {
            return .isInState(job.state)
        }
        jobs[id] = nil
        tell(.deleted, id, nil)
        return .done(nil)
    }

    /// - Returns: the jobs that keep it from being deleted.
    mutating func deleteQueue(_ name: String, force: Bool) -> UInt64 {
        let count = UInt64(jobs.values.count { $0.queue == name })
        guard count > 0 else {
            queues[name] = nil
            return 0
        }
        guard force else { return count }
        queues[name, default: Queue()].isGoing = true
        return 0
    }
}
