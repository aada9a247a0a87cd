@testable import Engine

extension Model {
    // MARK: Sessions

    mutating func disconnect(_ session: UInt64) {
        guard sessions[session] == .some(nil) else { return }
        sessions[session] = .some(now + grace)
        resumedAt[session] = nil
    }

    mutating func resume(_ session: UInt64) -> Bool {
        guard sessions[session] != nil else { return false }
        sessions[session] = .some(nil)
        resumedAt[session] = nextToken
        held[session] = []
        return true
    }

    /// Whether the session holds the job.
    mutating func hold(_ id: UInt64, _ token: UInt64, by session: UInt64) -> Bool {
        guard isHeld(id, token, by: session) else { return false }
        held[session]?.insert(HeldJob(id: id, token: token))
        return true
    }

    mutating func holdsNothingElse(_ session: UInt64) {
        guard let before = resumedAt.removeValue(forKey: session) else { return }
        unheld[session] = (before, held[session] ?? [])
    }

    mutating func end(_ session: UInt64, asCrash: Bool) {
        guard sessions.removeValue(forKey: session) != nil else { return }
        ending[session] = asCrash
    }

    // MARK: Time

    /// What is due in one turn.
    mutating func tick() {
        for (id, job) in jobs {
            guard let run = job.run else { continue }
            if let asCrash = ending[run.session] {
                giveBack(id, asCrash: asCrash ? "the worker vanished" : nil)
            } else if let rest = unheld[run.session], run.token < rest.before,
                !rest.held.contains(HeldJob(id: id, token: run.token))
            {
                giveBack(id, asCrash: nil)
            }
        }
        ending = [:]
        unheld = [:]
        let due = bulksGoingOn.filter { $0.value.next <= now }
        for (id, bulk) in due.sorted(by: { ($0.value.next, $0.key) < ($1.value.next, $1.key) }) {
            tickJobs(until: bulk.next)
            step(id)
        }
        tickJobs(until: now)
        for (session, graceEnds) in sessions {
            if let graceEnds, graceEnds <= now { end(session, asCrash: true) }
        }
        for (name, queue) in queues where queue.isGoing {
            queues[name] = nil
            jobs = jobs.filter { $0.value.queue != name }
        }
    }

    /// What was due at an instant, or before, happens now.
    private mutating func tickJobs(until instant: UInt64) {
        for id in jobs.keys { tick(id, until: instant) }
    }

    private mutating func tick(_ id: UInt64, until instant: UInt64) {
        if let job = jobs[id], let run = job.run { endIfDue(id, job, run, until: instant) }
        guard var job = jobs[id] else { return }
        if job.holdsKeyUntil <= instant { job.holdsKey = false }
        if job.state == .scheduled, job.due <= min(instant, job.expiresAt) {
            job.state = .ready
            tell(.ready, id, .ready)
        }
        jobs[id] = job
        if job.isWaiting, job.expiresAt <= instant { finish(id, .expired) }
        if job.state.isFinished, job.due <= instant { jobs[id] = nil }
    }

    private mutating func endIfDue(_ id: UInt64, _ job: Job, _ run: Run, until instant: UInt64) {
        if let cancel = run.cancel, cancel.deadline <= instant { return endCancelled(id) }
        guard max(run.deadline, leaseFloor) <= instant else { return }
        if run.deadline == run.limit {
            fail(id, .timeout)
        } else {
            giveBack(id, asCrash: "the lease ended before the job was settled")
        }
    }

    var hasMore: Bool { !ending.isEmpty }

    /// The broker was away, and has forgotten what is in no row.
    mutating func restart() {
        leaseFloor = now + grace
        let vanished = ending.filter { $0.value }.keys
        for session in Array(sessions.keys) + vanished { sessions[session] = .some(now + grace) }
        ending = ending.filter { !$0.value }
        watched = []
        events = [:]
        resumedAt = [:]
    }
}
