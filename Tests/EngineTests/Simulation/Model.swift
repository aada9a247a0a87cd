@testable import Engine

/// The rules of a job's life once more, in the plainest way: a dictionary of jobs, looked through as a
/// whole. What the engine does over rows must come to the same.
struct Model {
    struct Job: Equatable {
        var queue: String
        var type: String
        var payload: [UInt8]
        var wish: Wish
        var createdAt: UInt64
        var state = JobState.ready
        var priority: UInt8
        var failures: UInt16 = 0
        var crashes: UInt16 = 0
        var interruptions: UInt16 = 0
        var tags: [String]
        var headers: [String]
        var error: String?
        var fingerprint: UInt64 = 0
        /// When it becomes ready, or vanishes.
        var due: UInt64 = 0
        /// When it becomes ready if it is sent back to work: of a dead job.
        var editedDue: UInt64 = 0
        var expiresAt: UInt64 = .max
        /// Whether it holds its unique key, and until when for a period.
        var holdsKey = false
        var holdsKeyUntil: UInt64 = .max
        var retried: UInt16 = 0
        var checkpoint: [UInt8] = []
        var logs: [String] = []
        /// Of the last cancel.
        var cancelReason = ""
        var run: Run?

        var maxAttempts: UInt16 { wish.maxAttempts ?? JobOptions.defaultMaxAttempts }
        var maxCrashes: UInt16 { wish.maxCrashes ?? maxAttempts }
        var maxInterruptions: UInt16 { wish.maxInterruptions ?? .max }
        var isWaiting: Bool { state == .scheduled || state == .ready }
    }

    /// One attempt, under way.
    struct Run: Equatable {
        var token: UInt64
        var session: UInt64
        var startedAt: UInt64
        var deadline: UInt64
        /// When the lease ends at the latest: after the timeout and what is given on top of it.
        var limit: UInt64
        var progress: UInt16?
        var cancel: Cancel?
    }

    struct Cancel: Equatable {
        var reason: String
        var deadline: UInt64
    }

    struct Queue: Equatable {
        var isPaused = false
        var isDraining = false
        /// Whether the next tick removes it with all its jobs.
        var isGoing = false
        var isLastInFirstOut = false
        var depthMax: UInt64 = 0
        var bytesMax: UInt64 = 0
        var defaults = Wish()
        var submitted: UInt64 = 0
        var completed: UInt64 = 0
        var died: UInt64 = 0
        var cancelled: UInt64 = 0
        var expired: UInt64 = 0
    }

    let grace: UInt64
    var now: UInt64
    var random: UInt64 = 0
    var jobs: [UInt64: Job] = [:]
    var queues: [String: Queue] = [:]
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
    /// Actions on many jobs by their ids.
    var bulks: [UInt64: Bulk] = [:]
    /// What was told of each job.
    var events: [UInt64: [Event]] = [:]
    var nextJob: UInt64 = 1
    var nextToken: UInt64 = 1
    var leaseFloor: UInt64

    init(grace: UInt64, now: UInt64) {
        self.grace = grace
        self.now = now
        leaseFloor = now + grace
    }

    // MARK: Looking

    /// In order of delivery.
    func ready(_ queue: String) -> [UInt64] {
        let isReversed = queues[queue]?.isLastInFirstOut ?? false
        return ids(of: queue, .ready).sorted { one, other in
            let (a, b) = (jobs[one]?.priority ?? 0, jobs[other]?.priority ?? 0)
            return a == b ? (isReversed ? one > other : one < other) : a > b
        }
    }

    func ids(of queue: String, _ state: JobState) -> [UInt64] {
        jobs.filter { $0.value.queue == queue && $0.value.state == state }.keys.sorted()
    }

    func count(_ queue: String, _ state: JobState) -> UInt64 {
        UInt64(jobs.values.count { $0.queue == queue && $0.state == state })
    }

    func waiting(_ queue: String) -> [Job] {
        jobs.values.filter { $0.queue == queue && $0.isWaiting }
    }

    func waitingBytes(_ queue: String) -> UInt64 {
        waiting(queue).reduce(0) { $0 + UInt64($1.payload.count) }
    }

    /// Dead jobs of a queue by the fingerprint of their error.
    func groups(_ queue: String) -> [UInt64: UInt64] {
        var groups: [UInt64: UInt64] = [:]
        for job in jobs.values where job.queue == queue && job.state == .dead {
            groups[job.fingerprint, default: 0] += 1
        }
        return groups
    }

    func holder(of key: String, in queue: String) -> UInt64? {
        jobs.first { _, job in
            job.queue == queue && job.wish.unique?.key == key && job.holdsKey
                && job.holdsKeyUntil > now
        }?.key
    }
}
