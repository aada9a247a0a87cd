/// Where a job stands in its life.
package enum JobState: UInt8, CaseIterable, Sendable {
    case scheduled = 1
    case ready = 2
    case running = 3
    case held = 4
    case completed = 5
    case dead = 6
    case cancelled = 7
    case expired = 8

    /// Nothing more happens to it but that its retention ends.
    package var isFinished: Bool { rawValue >= JobState.completed.rawValue }
}

/// All that is known of a job. Times are milliseconds since 1970; 0: not yet.
package struct JobInfo: Message {
    package static let opcode = Opcode.job

    package var id: JobID
    package var state: JobState
    /// Deliveries so far.
    package var attempts: UInt16
    package var failures: UInt16
    package var crashes: UInt16
    package var interruptions: UInt16
    package var maxAttempts: UInt16
    package var createdAt: UInt64
    /// When a scheduled job becomes ready.
    package var dueAt: UInt64
    /// When the last attempt began.
    package var startedAt: UInt64
    package var finishedAt: UInt64
    /// Raw length of the payload.
    package var payloadBytes: UInt32
    package var queue: String
    package var type: String
    package var error: String?
    package var progress: JobProgress?
    package var payload: Payload?
    package var result: Payload?
    package var leaseEndsAt: UInt64?
    /// Of the worker that has it.
    package var session: UInt64?
    package var priority = Limits.priorityDefault
    package var tags: JobTags?
    package var headers: JobHeaders?
    package var unique: HeldKey?
    package var timeoutMilliseconds: UInt32?
    package var expiresAt: UInt64?
    package var errorClass: String?
    package var errorStack: String?
    package var fingerprint: UInt64?
    package var cancel: CancelInfo?
    package var checkpointBytes: UInt32?
    package var retried: RetryInfo?
    /// Offsets of the lines that are kept of its log.
    package var logLines: Range<UInt64>?
    /// Host and process of the worker that has it.
    package var worker: String?
    /// The end of its retention.
    package var vanishesAt: UInt64?

    package init(
        id: JobID, state: JobState, attempts: UInt16 = 0, failures: UInt16 = 0, crashes: UInt16 = 0,
        interruptions: UInt16 = 0, maxAttempts: UInt16, createdAt: UInt64, dueAt: UInt64 = 0,
        startedAt: UInt64 = 0, finishedAt: UInt64 = 0, payloadBytes: UInt32, queue: String,
        type: String
    ) {
        self.id = id
        self.state = state
        self.attempts = attempts
        self.failures = failures
        self.crashes = crashes
        self.interruptions = interruptions
        self.maxAttempts = maxAttempts
        self.createdAt = createdAt
        self.dueAt = dueAt
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.payloadBytes = payloadBytes
        self.queue = queue
        self.type = type
    }
}

extension JobInfo {
    /// The unique key that the job was submitted with.
    package struct HeldKey: Equatable, Sendable {
        package var scope: UniqueKey.Scope
        /// Else the key is free again.
        package var isHeld: Bool
        /// With scope `period`: until then, in milliseconds since 1970.
        package var until: UInt64
        package var key: String

        package init(scope: UniqueKey.Scope, isHeld: Bool, until: UInt64 = 0, key: String) {
            self.scope = scope
            self.isHeld = isHeld
            self.until = until
            self.key = key
        }
    }

    /// That somebody cancelled it. Times are milliseconds since 1970.
    package struct CancelInfo: Equatable, Sendable {
        package var requestedAt: UInt64
        /// 0: nothing is pending.
        package var graceEndsAt: UInt64
        package var reason: String

        package init(requestedAt: UInt64, graceEndsAt: UInt64 = 0, reason: String = "") {
            self.requestedAt = requestedAt
            self.graceEndsAt = graceEndsAt
            self.reason = reason
        }
    }

    /// That it was retried by request.
    package struct RetryInfo: Equatable, Sendable {
        package var count: UInt16
        /// Milliseconds since 1970.
        package var lastAt: UInt64
        /// Before the last one.
        package var stateBefore: JobState

        package init(count: UInt16, lastAt: UInt64, stateBefore: JobState) {
            self.count = count
            self.lastAt = lastAt
            self.stateBefore = stateBefore
        }
    }
}
