package import NIOCore

/// How a job is retried and how long it is kept; `nil`: not said.
package struct SubmitOptions: Equatable, Sendable {
    /// Failures until the job is dead, 1 to 1,000. As many crashes kill it too.
    package var maxAttempts: UInt16?
    package var backoff: Backoff?
    /// How long the job is kept when completed, in milliseconds; 0: it is gone at once.
    package var retainCompletedMilliseconds: UInt64?
    /// How long the job is kept when dead, in milliseconds.
    package var retainDeadMilliseconds: UInt64?

    /// After the n-th failure the job waits a random time between 0 and min(cap, base × 2ⁿ⁻¹).
    package struct Backoff: Equatable, Sendable {
        package var baseMilliseconds: UInt32
        package var capMilliseconds: UInt32

        package init(baseMilliseconds: UInt32, capMilliseconds: UInt32) {
            self.baseMilliseconds = baseMilliseconds
            self.capMilliseconds = capMilliseconds
        }
    }

    package init(
        maxAttempts: UInt16? = nil, backoff: Backoff? = nil,
        retainCompletedMilliseconds: UInt64? = nil,
        retainDeadMilliseconds: UInt64? = nil
    ) {
        self.maxAttempts = maxAttempts
        self.backoff = backoff
        self.retainCompletedMilliseconds = retainCompletedMilliseconds
        self.retainDeadMilliseconds = retainDeadMilliseconds
    }

    /// Reads options to the end of `reader`, without looking at their ranges.
    package init(from reader: inout WireReader) throws(WireError) {
        self.init()
        guard reader.left > 0 else { return }
        var read = SubmitOptions()
        try reader.options { (tag, option) throws(WireError) in
            switch tag {
            case 1: read.maxAttempts = try option.u16()
            case 2:
                read.backoff = Backoff(
                    baseMilliseconds: try option.u32(), capMilliseconds: try option.u32())
            case 3: read.retainCompletedMilliseconds = try option.u64()
            case 4: read.retainDeadMilliseconds = try option.u64()
            default: option.skip()
            }
        }
        self = read
    }

    package func write(to buffer: inout ByteBuffer) {
        if let maxAttempts { buffer.writeOption(1) { $0.writeLittle(maxAttempts) } }
        if let backoff {
            buffer.writeOption(2) {
                $0.writeLittle(backoff.baseMilliseconds)
                $0.writeLittle(backoff.capMilliseconds)
            }
        }
        if let retainCompletedMilliseconds {
            buffer.writeOption(3) { $0.writeLittle(retainCompletedMilliseconds) }
        }
        if let retainDeadMilliseconds {
            buffer.writeOption(4) { $0.writeLittle(retainDeadMilliseconds) }
        }
    }
}

extension SubmitOptions {
    /// These, with `others` where these say nothing.
    package func filled(from others: SubmitOptions) -> SubmitOptions {
        SubmitOptions(
            maxAttempts: maxAttempts ?? others.maxAttempts, backoff: backoff ?? others.backoff,
            retainCompletedMilliseconds: retainCompletedMilliseconds
                ?? others.retainCompletedMilliseconds,
            retainDeadMilliseconds: retainDeadMilliseconds ?? others.retainDeadMilliseconds)
    }

    /// `OPTION_INVALID` for the first that is out of its range, `nil` when all are well.
    package var refusal: WireError? {
        let backoffRange = 1...UInt64(Limits.backoffMillisecondsMax)
        let retainRange = 0...Limits.retainMillisecondsMax
        return refusal("max_attempts", maxAttempts, 1...UInt64(Limits.maxAttemptsMax))
            ?? refusal("backoff base", backoff?.baseMilliseconds, backoffRange)
            ?? refusal("backoff cap", backoff?.capMilliseconds, backoffRange)
            ?? refusal("retain_completed", retainCompletedMilliseconds, retainRange)
            ?? refusal("retain_dead", retainDeadMilliseconds, retainRange)
    }

    private func refusal(
        _ name: String, _ value: (some UnsignedInteger)?, _ range: ClosedRange<UInt64>
    ) -> WireError? {
        guard let value, !range.contains(UInt64(value)) else { return nil }
        return .optionInvalid(name, actual: UInt64(value), range: range)
    }

    /// Whether nothing is said: the usual case, for which `refusal` need not be asked.
    package var isEmpty: Bool {
        maxAttempts == nil && backoff == nil && retainCompletedMilliseconds == nil
            && retainDeadMilliseconds == nil
    }
}
