import Engine
import MartletWire

// What a submission says, as the engine takes it.

extension SubmitItemView {
    /// Lends the job to `body`.
    /// - Parameter common: the frame's options, for a job that says nothing of itself; nil: they are not
    ///   the same for each job.
    func withSubmission<Result>(
        of submit: SubmitView, _ common: JobOptions?,
        _ body: (Submission) throws -> Result
    ) rethrows -> Result {
        let payload = StoredPayload(payload)
        if let common, ownOptions == nil {
            return try body(Submission(type: submit.type, payload: payload, options: common))
        }
        let fields = (ownOptions ?? submit.options).fields
        return try fields.withBytes { bytes in
            try body(
                Submission(
                    type: submit.type, payload: payload, options: JobOptions(fields),
                    unique: fields.unique.map { EngineKey($0, bytes.key) }, tags: bytes.tags,
                    headers: bytes.headers))
        }
    }
}

/// What the last frame said for each of its jobs, as the engine takes it.
struct CommonOptions {
    private var generation = 0
    private var options: JobOptions?

    /// Nil when a part of it is bytes, which lie with each job.
    mutating func options(of submit: SubmitView) -> JobOptions? {
        if submit.options.isEmpty { return JobOptions() }
        if submit.optionsGeneration == 0 || submit.optionsGeneration != generation {
            generation = submit.optionsGeneration
            options = JobOptions(common: submit.options)
        }
        return options
    }
}

extension JobOptions {
    /// What a frame says for each of its jobs, made once; nil when a part of it is bytes, which lie with
    /// each job.
    init?(common options: SubmitOptions) {
        guard !options.hasBytes else { return nil }
        self = options.isEmpty ? JobOptions() : JobOptions(options.fields)
    }

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
