import Engine
import MartletWire

// What a submission says, as the engine takes it.

extension SubmitItemView {
    /// Lends the job to `body`. One that says nothing of itself costs nothing.
    func withSubmission<Result>(
        of type: UnsafeRawBufferPointer, _ body: (Submission) throws -> Result
    ) rethrows -> Result {
        let payload = StoredPayload(payload)
        guard !options.isEmpty else {
            return try body(Submission(type: type, payload: payload, options: JobOptions()))
        }
        let fields = options.fields
        return try fields.withBytes { bytes in
            try body(
                Submission(
                    type: type, payload: payload, options: JobOptions(fields),
                    unique: fields.unique.map { EngineKey($0, bytes.key) }, tags: bytes.tags,
                    headers: bytes.headers))
        }
    }
}

extension JobOptions {
    init(_ options: SubmitOptions.Fields) {
        var fields = Fields()
        fields.maxAttempts = options.maxAttempts
        fields.backoff = options.backoff.map { Backoff($0) }
        fields.retainCompleted = options.retainCompletedMilliseconds
        fields.retainDead = options.retainDeadMilliseconds
        fields.retainCancelled = options.retainCancelledMilliseconds
        fields.retainExpired = options.retainExpiredMilliseconds
        fields.maxCrashes = options.maxCrashes
        fields.maxInterruptions = options.maxInterruptions
        fields.priority = options.priority
        fields.timeToLive = options.expiresMilliseconds
        fields.timeout = options.timeoutMilliseconds.map { UInt64($0) }
        switch options.due {
        case .delay(let delay): fields.delay = delay
        case .at(let instant), .both(_, let instant): fields.runAt = instant
        case nil: break
        }
        self.init(fields)
    }
}

extension SubmitOptions.Fields {
    /// A queue's defaults, as they were set.
    init(_ defaults: JobOptions) {
        self.init()
        let options = defaults.said
        maxAttempts = options.maxAttempts
        backoff = options.backoff.map { .init($0) }
        retainCompletedMilliseconds = options.retainCompleted
        retainDeadMilliseconds = options.retainDead
        retainCancelledMilliseconds = options.retainCancelled
        retainExpiredMilliseconds = options.retainExpired
        maxCrashes = options.maxCrashes
        maxInterruptions = options.maxInterruptions
        priority = options.priority
        expiresMilliseconds = options.timeToLive
        timeoutMilliseconds = options.timeout.map { UInt32(clamping: $0) }
    }
}

extension Backoff {
    fileprivate init(_ backoff: SubmitOptions.Backoff) {
        self.init(
            kind: Kind(rawValue: backoff.kind.rawValue) ?? .exponential,
            jitter: Jitter(rawValue: backoff.jitter.rawValue) ?? .full, factor: backoff.factor,
            base: backoff.baseMilliseconds, cap: backoff.capMilliseconds)
    }
}

extension SubmitOptions.Backoff {
    fileprivate init(_ backoff: Backoff) {
        self.init(
            kind: Kind(rawValue: backoff.kind.rawValue) ?? .exponential,
            jitter: Jitter(rawValue: backoff.jitter.rawValue) ?? .full, factor: backoff.factor,
            baseMilliseconds: backoff.base, capMilliseconds: backoff.cap)
    }
}

extension EngineKey {
    fileprivate init(_ key: MartletWire.UniqueKey, _ bytes: UnsafeRawBufferPointer) {
        self.init(
            scope: Scope(rawValue: key.scope.rawValue) ?? .active,
            policy: Policy(rawValue: key.policy.rawValue) ?? .existing,
            needsSamePayload: key.requiresSamePayload, period: key.periodMilliseconds, bytes: bytes)
    }
}
