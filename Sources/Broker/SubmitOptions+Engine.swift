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
        self.init(
            maxAttempts: options.maxAttempts, backoff: options.backoff.map { Backoff($0) },
            retainCompleted: options.retainCompletedMilliseconds,
            retainDead: options.retainDeadMilliseconds)
        retainCancelled = options.retainCancelledMilliseconds
        retainExpired = options.retainExpiredMilliseconds
        maxCrashes = options.maxCrashes
        maxInterruptions = options.maxInterruptions
        priority = options.priority
        timeToLive = options.expiresMilliseconds
        timeout = options.timeoutMilliseconds.map { UInt64($0) }
        switch options.due {
        case .delay(let delay): self.delay = delay
        case .at(let instant), .both(_, let instant): runAt = instant
        case nil: break
        }
    }
}

extension SubmitOptions.Fields {
    /// A queue's defaults, as they were set.
    init(_ options: JobOptions) {
        self.init()
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
