/// What a submission may say about the life of its job, and a queue about those of its jobs. What is
/// absent costs nothing: no byte in the row. Durations are milliseconds.
@dynamicMemberLookup
package struct JobOptions: Sendable, Equatable {
    package struct Fields: Sendable, Equatable {
        /// 255 is delivered first.
        package var priority: UInt8?
        /// From the submission until the job is ready.
        package var delay: UInt64?
        /// The instant at which the job is ready, milliseconds since 1970; counts before `delay`.
        package var runAt: UInt64?
        /// From the submission until the job expires, unless it runs then.
        package var timeToLive: UInt64?
        /// Longest run of one attempt.
        package var timeout: UInt64?
        /// Failures until the job is dead.
        package var maxAttempts: UInt16?
        /// Crashes until the job is dead; as many as `maxAttempts`, when absent.
        package var maxCrashes: UInt16?
        /// Interruptions until the job is dead; unlimited, when absent.
        package var maxInterruptions: UInt16?
        package var backoff: Backoff?
        /// How long the finished job is kept, by how it finished; 0: no row is kept.
        package var retainCompleted: UInt64?
        package var retainDead: UInt64?
        package var retainCancelled: UInt64?
        package var retainExpired: UInt64?

        package init() {}

        /// Whether nothing of it depends on when it is said.
        var isTimeless: Bool { delay == nil && runAt == nil && timeToLive == nil }

        /// When a job is to be ready that is submitted now; 0: at once.
        func readyAt(now: UInt64) -> UInt64 { runAt ?? delay.map { now + $0 } ?? 0 }
    }

    /// Nil when nothing is said, as of most jobs: then there is nothing to copy.
    private var fields: Box<Fields>?

    package var said: Fields { fields?.value ?? Fields() }

    /// Whether nothing is said.
    package var isPlain: Bool { fields == nil }

    package subscript<Field>(dynamicMember field: WritableKeyPath<Fields, Field>) -> Field {
        get { said[keyPath: field] }
        set {
            var changed = said
            changed[keyPath: field] = newValue
            fields = changed == Fields() ? nil : Box(changed)
        }
    }

    /// Whether they are the same copy: then they say the same.
    func isIdentical(to other: JobOptions) -> Bool { fields === other.fields }

    package static func == (one: JobOptions, other: JobOptions) -> Bool {
        one.fields?.value == other.fields?.value
    }

    package init() {}

    package init(_ fields: Fields) { self.fields = fields == Fields() ? nil : Box(fields) }

    package init(
        maxAttempts: UInt16? = nil, backoff: Backoff? = nil, retainCompleted: UInt64? = nil,
        retainDead: UInt64? = nil
    ) {
        var fields = Fields()
        fields.maxAttempts = maxAttempts
        fields.backoff = backoff
        fields.retainCompleted = retainCompleted
        fields.retainDead = retainDead
        self.init(fields)
    }

    package static let defaultPriority: UInt8 = 128
    package static let defaultMaxAttempts: UInt16 = 20
    package static let defaultRetainCompleted: UInt64 = 3_600_000
    package static let defaultRetainDead: UInt64 = 604_800_000
    package static let defaultRetainCancelled: UInt64 = 3_600_000
    package static let defaultRetainExpired: UInt64 = 3_600_000

    /// The options with a queue's in the place of those that are absent.
    func filled(from defaults: JobOptions) -> JobOptions {
        guard let queue = defaults.fields?.value else { return self }
        var filled = said
        filled.priority = filled.priority ?? queue.priority
        filled.timeToLive = filled.timeToLive ?? queue.timeToLive
        filled.timeout = filled.timeout ?? queue.timeout
        filled.maxAttempts = filled.maxAttempts ?? queue.maxAttempts
        filled.maxCrashes = filled.maxCrashes ?? queue.maxCrashes
        filled.maxInterruptions = filled.maxInterruptions ?? queue.maxInterruptions
        filled.backoff = filled.backoff ?? queue.backoff
        filled.retainCompleted = filled.retainCompleted ?? queue.retainCompleted
        filled.retainDead = filled.retainDead ?? queue.retainDead
        filled.retainCancelled = filled.retainCancelled ?? queue.retainCancelled
        filled.retainExpired = filled.retainExpired ?? queue.retainExpired
        return JobOptions(filled)
    }
}

/// Under which key a submission is not to be stored twice. The pointer is valid during the call.
package struct UniqueKey {
    /// How long a job holds the key.
    package enum Scope: UInt8, Sendable {
        /// Until it is first delivered.
        case waiting = 1
        /// Until it is finished.
        case active = 2
        /// For a time from its submission, whatever becomes of it; its row stays at least that long.
        case period = 3
    }

    /// What becomes of a submission whose key is held.
    package enum Policy: UInt8, Sendable {
        /// It is answered with the holder's id.
        case existing = 1
        /// The holder is cancelled if it waits; else as `existing`.
        case replace = 2
        /// It is refused.
        case reject = 3
    }

    package var scope: Scope
    package var policy: Policy
    /// Whether a holder with another payload is a conflict, whatever the policy.
    package var needsSamePayload: Bool
    /// Milliseconds; of scope `period`.
    package var period: UInt64
    /// 1 … 255 bytes.
    package var bytes: UnsafeRawBufferPointer

    package init(
        scope: Scope, policy: Policy = .existing, needsSamePayload: Bool = false,
        period: UInt64 = 0, bytes: UnsafeRawBufferPointer
    ) {
        self.scope = scope
        self.policy = policy
        self.needsSamePayload = needsSamePayload
        self.period = period
        self.bytes = bytes
    }
}
