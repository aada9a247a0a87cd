@testable import Engine

/// The rules of a job's life once more, in the plainest way: a dictionary of jobs, looked through as a
/// whole. What the engine does over rows must come to the same.
struct Model {
    struct Job {
        var queue: String
        var payloadBytes: Int
        var options: JobOptions
        var state = JobState.ready
        var failures: UInt16 = 0
        var crashes: UInt16 = 0
        var interruptions: UInt16 = 0
        /// While it runs.
        var token: UInt64 = 0
        var session: UInt64 = 0
        var deadline: UInt64 = 0
        /// When it becomes ready, or vanishes.
        var due: UInt64 = 0

        var maxAttempts: UInt16 { options.maxAttempts ?? JobOptions.defaultMaxAttempts }
    }

    let grace: UInt64
    var now: UInt64
    var random: UInt64 = 0
    var jobs: [UInt64: Job] = [:]
    /// When the grace of each session ends; nil while it is connected.
    var sessions: [UInt64: UInt64?] = [:]
    /// Sessions that ended and whose jobs the next turn gives back; true: as crashes.
    var ending: [UInt64: Bool] = [:]
    /// Sessions that resumed: the lease tokens of earlier connections are smaller than this.
    var resumedAt: [UInt64: UInt64] = [:]
    /// What their workers have named since.
    var held: [UInt64: Set<HeldJob>] = [:]
    /// Sessions whose workers have named everything; the next turn gives back the rest.
    var unheld: [UInt64: (before: UInt64, held: Set<HeldJob>)] = [:]
    var watched: Set<UInt64> = []
    var completed: [String: UInt64] = [:]
    var nextJob: UInt64 = 1
    var nextToken: UInt64 = 1
    private var leaseFloor: UInt64

    init(grace: UInt64, now: UInt64) {
        self.grace = grace
        self.now = now
        leaseFloor = now + grace
    }

    // MARK: Commands

    mutating func submit(_ queue: String, payloadBytes: Int, _ options: JobOptions) -> UInt64 {
        defer { nextJob += 1 }
        jobs[nextJob] = Job(queue: queue, payloadBytes: payloadBytes, options: options)
        return nextJob
    }

    /// Whether the settlement is accepted.
    mutating func settle(_ id: UInt64, _ token: UInt64, by session: UInt64, _ outcome: Outcome)
        -> Bool
    {
        guard let job = jobs[id], job.state == .running, job.token == token, job.session == session
        else {
            return false
        }
        switch outcome {
        case .complete:
            completed[job.queue, default: 0] += 1
            finish(id, .completed, job.options.retainCompleted ?? JobOptions.defaultRetainCompleted)
        case .fail: fail(id)
        case .release: giveBack(id, asCrash: false)
        case .extend(let milliseconds): jobs[id]?.deadline = now + milliseconds
        }
        return true
    }

    /// The jobs that a delivery brings.
    mutating func deliver(
        _ queue: String, to session: UInt64, max: Int, bytes: Int, mayExceed: Bool, lease: UInt64
    ) -> [UInt64] {
        var ids: [UInt64] = []
        var bytesLeft = bytes
        for id in ready(queue).prefix(max) {
            let size = jobs[id]?.payloadBytes ?? 0
            guard size <= bytesLeft || (ids.isEmpty && mayExceed) else { break }
            bytesLeft -= size
            ids.append(id)
            jobs[id]?.state = .running
            jobs[id]?.token = nextToken
            jobs[id]?.session = session
            jobs[id]?.deadline = now + lease
        }
        if !ids.isEmpty { nextToken += 1 }
        return ids
    }

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
        guard let job = jobs[id], job.state == .running, job.token == token, job.session == session
        else {
            return false
        }
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
        for (id, job) in jobs where job.state == .running {
            if let asCrash = ending[job.session] {
                giveBack(id, asCrash: asCrash)
            } else if let rest = unheld[job.session], job.token < rest.before,
                !rest.held.contains(HeldJob(id: id, token: job.token))
            {
                giveBack(id, asCrash: false)
            }
        }
        ending = [:]
        unheld = [:]
        for (id, job) in jobs {
            switch job.state {
            case .scheduled where job.due <= now: jobs[id]?.state = .ready
            case .running where max(job.deadline, leaseFloor) <= now: giveBack(id, asCrash: true)
            case .completed where job.due <= now, .dead where job.due <= now: jobs[id] = nil
            default: break
            }
        }
        for (session, graceEnds) in sessions {
            if let graceEnds, graceEnds <= now { end(session, asCrash: true) }
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
        resumedAt = [:]
    }

    // MARK: Looking

    func ready(_ queue: String) -> [UInt64] {
        jobs.filter { $0.value.state == .ready && $0.value.queue == queue }.keys.sorted()
    }

    func count(_ queue: String, _ state: JobState) -> UInt64 {
        UInt64(jobs.values.count { $0.queue == queue && $0.state == state })
    }

    // MARK: Ends of an attempt

    private mutating func fail(_ id: UInt64) {
        guard var job = jobs[id] else { return }
        job.failures += 1
        let random = mixed(random, id)
        job.due =
            now + (job.options.backoff ?? .standard).delay(failures: job.failures, random: random)
        job.state = .scheduled
        jobs[id] = job
        if job.failures >= job.maxAttempts { die(id) }
    }

    private mutating func giveBack(_ id: UInt64, asCrash: Bool) {
        guard var job = jobs[id] else { return }
        if asCrash { job.crashes += 1 } else { job.interruptions += 1 }
        job.state = .ready
        jobs[id] = job
        if asCrash, job.crashes >= job.maxAttempts { die(id) }
    }

    private mutating func die(_ id: UInt64) {
        finish(id, .dead, jobs[id]?.options.retainDead ?? JobOptions.defaultRetainDead)
    }

    private mutating func finish(_ id: UInt64, _ state: JobState, _ retention: UInt64) {
        let kept = watched.contains(id) ? max(retention, 10_000) : retention
        jobs[id]?.state = state
        jobs[id]?.due = (now + kept + 999) / 1_000 * 1_000
        if kept == 0 { jobs[id] = nil }
    }
}
