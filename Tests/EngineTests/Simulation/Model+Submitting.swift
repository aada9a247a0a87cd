@testable import Engine

extension Model {
    mutating func submit(
        _ queue: String, type: String, payload: [UInt8], _ wish: Wish
    ) -> SubmissionOutcome {
        let settings = queues[queue, default: Queue()]
        let whole = wish.completed(by: settings.defaults)
        let refused = refusal(queue, payload: payload, whole)
        if let refused { return refused }
        if let unique = whole.unique, let holder = holder(of: unique.key, in: queue) {
            jobs[holder]?.holdsKey = false
            jobs[holder]?.cancelReason = "replaced by a later submission with the same unique key"
            finish(holder, .cancelled)
        }
        let id = nextJob
        nextJob += 1
        var job = Job(
            queue: queue, type: type, payload: payload, wish: whole, createdAt: now,
            priority: whole.priority ?? 128, tags: wish.tags, headers: wish.headers)
        if let delay = whole.delay, delay > 0 {
            job.state = .scheduled
            job.due = now + delay
        }
        if let expires = whole.expires { job.expiresAt = now + expires }
        if let unique = whole.unique {
            job.holdsKey = true
            if unique.scope == .period { job.holdsKeyUntil = now + unique.period }
        }
        jobs[id] = job
        tell(.submitted, id, job.state)
        queues[queue, default: Queue()].submitted += 1
        return .accepted(id)
    }

    /// Why a job is not stored; nil when it is, maybe in the place of another.
    private func refusal(_ queue: String, payload: [UInt8], _ wish: Wish) -> SubmissionOutcome? {
        if let unique = wish.unique, let id = holder(of: unique.key, in: queue),
            let holder = jobs[id]
        {
            if unique.samePayload, holder.payload != payload { return .mismatch(id) }
            switch unique.policy {
            case .reject: return .taken(id)
            case .existing: return .existing(id)
            case .replace: return holder.isWaiting ? nil : .existing(id)
            }
        }
        guard let settings = queues[queue] else { return nil }
        let waits = UInt64(waiting(queue).count)
        if settings.depthMax > 0, waits >= settings.depthMax {
            return .full(limit: settings.depthMax, actual: waits + 1, ofBytes: false)
        }
        let bytes = waitingBytes(queue) + UInt64(payload.count)
        if settings.bytesMax > 0, bytes > settings.bytesMax {
            return .full(limit: settings.bytesMax, actual: bytes, ofBytes: true)
        }
        return nil
    }
}
