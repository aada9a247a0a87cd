package import MartletWire

/// How the server treats a job. What is nil is left to the server's defaults.
public struct JobOptions: Hashable, Sendable {
    /// Failures until the job is dead, 1 … 1,000; as many crashes kill it too. Default: 20.
    public var maxAttempts: Int?
    /// How long a failed job waits before it is ready again. Default: 1 second, at most 1 hour.
    public var backoff: RetryBackoff?
    /// How long a completed job and its result are kept, up to 365 days. Zero: it is gone at once,
    /// and its result reaches only those who wait already. Default: 1 hour.
    public var retainCompleted: Duration?
    /// How long a dead job is kept, up to 365 days. Default: 7 days.
    public var retainDead: Duration?

    public init(
        maxAttempts: Int? = nil,
        backoff: RetryBackoff? = nil,
        retainCompleted: Duration? = nil,
        retainDead: Duration? = nil
    ) {
        self.maxAttempts = maxAttempts
        self.backoff = backoff
        self.retainCompleted = retainCompleted
        self.retainDead = retainDead
    }

    /// After the n-th failure the job waits a random time between zero and min(cap, base × 2ⁿ⁻¹).
    public struct RetryBackoff: Hashable, Sendable {
        /// 1 millisecond … 1 day.
        public var base: Duration
        /// 1 millisecond … 1 day.
        public var cap: Duration

        public init(base: Duration, cap: Duration) {
            self.base = base
            self.cap = cap
        }
    }
}

extension JobOptions {
    /// As the protocol carries them.
    ///
    /// - Throws: `optionInvalid` for the first that is out of its range.
    package func onTheWire() throws(MartletError) -> SubmitOptions {
        var fields = SubmitOptions.Fields()
        fields.maxAttempts = maxAttempts.map(UInt16.init(clamping:))
        fields.backoff = backoff.map {
            SubmitOptions.Backoff(
                baseMilliseconds: UInt32(clamping: $0.base.milliseconds),
                capMilliseconds: UInt32(clamping: $0.cap.milliseconds))
        }
        fields.retainCompletedMilliseconds = try Self.retention(
            retainCompleted, "retain_completed")
        fields.retainDeadMilliseconds = try Self.retention(retainDead, "retain_dead")
        let options = SubmitOptions(fields)
        if let refusal = options.refusal { throw MartletError(refusal) }
        return options
    }

    /// Zero is a value of its own here, so a negative duration must not become it.
    private static func retention(_ duration: Duration?, _ name: String) throws(MartletError)
        -> UInt64?
    {
        guard let duration else { return nil }
        guard duration >= .zero else {
            throw MartletError(.optionInvalid, "\(name) is \(duration); it can't be negative")
        }
        return UInt64(duration.milliseconds)
    }
}
