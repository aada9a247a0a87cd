public import Foundation

/// How the server treats a job. What is nil is left to the queue's settings, and then to the
/// server's defaults.
public struct JobOptions: Hashable, Sendable {
    /// 255 runs first, and the oldest within a priority. Default: 128.
    public var priority: UInt8?
    /// How long until the job may run, up to 365 days. Not together with ``runAt``.
    public var delay: Duration?
    /// When the job may run; one that has passed: now.
    public var runAt: Date?
    /// How long the job may wait, up to 365 days; then it expires unless it runs.
    public var expires: Duration?
    /// How long one attempt may take, up to 7 days; then its handler is cancelled, and the attempt
    /// has failed.
    public var timeout: Duration?
    /// Failures until the job is dead, 1 … 1,000. Default: 20.
    public var maxAttempts: Int?
    /// Crashes until the job is dead, 1 … 1,000. Default: as ``maxAttempts``.
    public var maxCrashes: Int?
    /// Interruptions until the job is dead, 1 … 65,535. Default: no limit.
    public var maxInterruptions: Int?
    /// How long a failed job waits before it is ready again. Default: 1 second, doubled with each
    /// failure, at most 1 hour.
    public var backoff: RetryBackoff?
    /// A key that one job of the queue may hold at a time.
    public var unique: Unique?
    /// Up to 8 words of 1 … 64 bytes without spaces, to find the job by.
    public var tags: [String]
    /// Up to 32 pairs, together at most 4,096 bytes, that reach the handler untouched. Names are
    /// those of HTTP's fields, such as `traceparent`.
    public var headers: [String: String]
    /// How long a completed job and its result are kept, up to 365 days. Zero: it is gone at once,
    /// and its result reaches only those who wait already. Default: 1 hour.
    public var retainCompleted: Duration?
    /// How long a dead job is kept, up to 365 days. Default: 7 days.
    public var retainDead: Duration?
    /// How long a cancelled job is kept, up to 365 days. Default: 1 hour.
    public var retainCancelled: Duration?
    /// How long an expired job is kept, up to 365 days. Default: 1 hour.
    public var retainExpired: Duration?
    /// What the acknowledgement is worth. Default: what the client's configuration says.
    public var durability: Durability?

    public init(
        priority: UInt8? = nil,
        delay: Duration? = nil,
        runAt: Date? = nil,
        expires: Duration? = nil,
        timeout: Duration? = nil,
        maxAttempts: Int? = nil,
        maxCrashes: Int? = nil,
        maxInterruptions: Int? = nil,
        backoff: RetryBackoff? = nil,
        unique: Unique? = nil,
        tags: [String] = [],
        headers: [String: String] = [:],
        retainCompleted: Duration? = nil,
        retainDead: Duration? = nil,
        retainCancelled: Duration? = nil,
        retainExpired: Duration? = nil,
        durability: Durability? = nil
    ) {
        self.priority = priority
        self.delay = delay
        self.runAt = runAt
        self.expires = expires
        self.timeout = timeout
        self.maxAttempts = maxAttempts
        self.maxCrashes = maxCrashes
        self.maxInterruptions = maxInterruptions
        self.backoff = backoff
        self.unique = unique
        self.tags = tags
        self.headers = headers
        self.retainCompleted = retainCompleted
        self.retainDead = retainDead
        self.retainCancelled = retainCancelled
        self.retainExpired = retainExpired
        self.durability = durability
    }

    /// When a submission is acknowledged.
    public enum Durability: Sendable {
        /// Before the job is on disk: a crash of the server may lose it.
        case memory
        /// When the job is on disk.
        case disk
    }
}
