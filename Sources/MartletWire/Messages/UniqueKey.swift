internal import NIOCore

/// A key that only one job of a queue holds at a time.
package struct UniqueKey: Equatable, Sendable {
    package var scope: Scope
    package var policy: Policy
    /// A holder with another payload is a mismatch.
    package var requiresSamePayload: Bool
    /// With scope `period`: how long from the submission, 1 to 31,536,000,000; else 0.
    package var periodMilliseconds: UInt64
    /// 1 to 255 bytes.
    package var key: String

    /// How long the key is held.
    package enum Scope: UInt8, CaseIterable, Sendable {
        /// Until the job first runs.
        case waiting = 1
        /// Until the job has finished.
        case active = 2
        /// For a time from its submission.
        case period = 3
    }

    /// What becomes of a submission whose key is held.
    package enum Policy: UInt8, CaseIterable, Sendable {
        /// It is answered with the holder.
        case existing = 1
        /// A waiting holder is cancelled, and the new job takes its place.
        case replace = 2
        /// It is refused.
        case reject = 3
    }

    package init(
        _ key: String, scope: Scope, policy: Policy = .existing, requiresSamePayload: Bool = false,
        periodMilliseconds: UInt64 = 0
    ) {
        self.scope = scope
        self.policy = policy
        self.requiresSamePayload = requiresSamePayload
        self.periodMilliseconds = periodMilliseconds
        self.key = key
    }

    init(from reader: inout WireReader) throws(WireError) {
        scope = try reader.named("unique scope")
        policy = try reader.named("unique policy")
        requiresSamePayload = try reader.flags(known: 1) == 1
        periodMilliseconds = try reader.u64()
        key = try reader.text8()
    }

    func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(
            scope.rawValue, policy.rawValue, UInt8(requiresSamePayload ? 1 : 0), periodMilliseconds,
            endianness: .little)
        buffer.writeText8(key)
    }

    /// `OPTION_INVALID` when it can't be obeyed.
    var refusal: WireError? {
        let periods = scope == .period ? 1...Limits.delayMillisecondsMax : 0...0
        return MartletWire.refusal("unique period", periodMilliseconds, periods)
            ?? MartletWire.refusal(
                "unique key's length", UInt64(key.utf8.count), 1...UInt64(Limits.uniqueKeyBytesMax))
    }
}
