package import NIOCore

/// What a submission says of its jobs beside their payloads; `nil`: not said.
///
/// Most jobs say nothing. Such a value is one empty word, so that reading and copying it costs nothing,
/// whatever options there are.
@dynamicMemberLookup
package struct SubmitOptions: Equatable, Sendable {
    private var box: Box

    private indirect enum Box: Equatable, Sendable {
        case none
        case some(Fields)
    }

    package init() { box = .none }

    package init(_ fields: Fields) { box = fields == Fields() ? .none : .some(fields) }

    /// Options in which `fill` says what it wants.
    package static func with<Failure: Error>(
        _ fill: (inout Fields) throws(Failure) -> Void
    ) throws(Failure) -> SubmitOptions {
        var fields = Fields()
        try fill(&fields)
        return SubmitOptions(fields)
    }

    /// Whether nothing is said: the usual case, for which `refusal` need not be asked.
    package var isEmpty: Bool {
        if case .none = box { true } else { false }
    }

    /// All of them at once, for whoever looks at more than one.
    package var fields: Fields {
        get { if case .some(let fields) = box { fields } else { Fields() } }
        set { self = SubmitOptions(newValue) }
    }

    package subscript<Value>(dynamicMember path: WritableKeyPath<Fields, Value>) -> Value {
        get { fields[keyPath: path] }
        set { fields[keyPath: path] = newValue }
    }

    package struct Fields: Equatable, Sendable {
        /// Failures until the job is dead, 1 to 1,000.
        package var maxAttempts: UInt16?
        package var backoff: Backoff?
        /// How long the job is kept when completed, in milliseconds; 0: it is gone at once.
        package var retainCompletedMilliseconds: UInt64?
        package var retainDeadMilliseconds: UInt64?
        package var retainCancelledMilliseconds: UInt64?
        package var retainExpiredMilliseconds: UInt64?
        /// Crashes until the job is dead, 1 to 1,000; as many as `maxAttempts` when it does not say.
        package var maxCrashes: UInt16?
        /// Interruptions until the job is dead, from 1.
        package var maxInterruptions: UInt16?
        /// 255 is first.
        package var priority: UInt8?
        package var due: Due?
        /// The job expires that long from now unless it runs; from 1.
        package var expiresMilliseconds: UInt64?
        /// Longest run of one attempt.
        package var timeoutMilliseconds: UInt32?
        package var unique: UniqueKey?
        package var tags: JobTags?
        package var headers: JobHeaders?

        package init() {}
    }

    /// When a job becomes ready that is not to be at once.
    package enum Due: Equatable, Sendable {
        /// Milliseconds from now.
        case delay(UInt64)
        /// The instant, in milliseconds since 1970.
        case at(UInt64)
        /// Both were said, which nobody can obey.
        case both(delay: UInt64, at: UInt64)
    }

    /// The wait before the n-th retry.
    package struct Backoff: Equatable, Sendable {
        package var kind: Kind
        package var jitter: Jitter
        /// In 1/100: the next wait is that many times the one before; 100 to 1,000.
        package var factor: UInt16
        package var baseMilliseconds: UInt32
        package var capMilliseconds: UInt32

        package enum Kind: UInt8, Sendable, CaseIterable {
            case none = 0
            /// Always the base.
            case fixed = 1
            /// min(cap, base × (factor/100)ⁿ⁻¹).
            case exponential = 2
        }

        package enum Jitter: UInt8, Sendable, CaseIterable {
            case none = 0
            /// A random time between 0 and what the kind gives.
            case full = 1
        }

        package init(
            kind: Kind = .exponential, jitter: Jitter = .full,
            factor: UInt16 = Limits.backoffFactorDefault,
            baseMilliseconds: UInt32 = Limits.backoffBaseMillisecondsDefault,
            capMilliseconds: UInt32 = Limits.backoffCapMillisecondsDefault
        ) {
            self.kind = kind
            self.jitter = jitter
            self.factor = factor
            self.baseMilliseconds = baseMilliseconds
            self.capMilliseconds = capMilliseconds
        }
    }
}

// MARK: Bytes

extension SubmitOptions {
    /// Reads options to the end of `reader`, without looking at their ranges.
    package init(from reader: inout WireReader) throws(WireError) {
        self.init()
        guard reader.left > 0 else { return }
        fields = try Fields(from: &reader)
    }

    package func write(to buffer: inout ByteBuffer) {
        guard case .some(let fields) = box else { return }
        fields.write(to: &buffer)
    }
}

extension SubmitOptions.Fields {
    fileprivate init(from reader: inout WireReader) throws(WireError) {
        var read = SubmitOptions.Fields()
        try reader.options { (tag, option) throws(WireError) in
            switch tag {
            case 1: read.maxAttempts = try option.u16()
            case 2: read.backoff = try SubmitOptions.Backoff(from: &option)
            case 3: read.retainCompletedMilliseconds = try option.u64()
            case 4: read.retainDeadMilliseconds = try option.u64()
            case 5: read.retainCancelledMilliseconds = try option.u64()
            case 6: read.retainExpiredMilliseconds = try option.u64()
            case 7: read.maxCrashes = try option.u16()
            case 8: read.maxInterruptions = try option.u16()
            case 9: read.priority = try option.u8()
            case 10: read.due = .delay(try option.u64())
            case 11: read.due = .init(at: try option.u64(), beside: read.due)
            case 12: read.expiresMilliseconds = try option.u64()
            case 13: read.timeoutMilliseconds = try option.u32()
            case 14: read.unique = try UniqueKey(from: &option)
            case 15: read.tags = try JobTags(from: &option)
            case 16: read.headers = try JobHeaders(from: &option)
            default: option.skip()
            }
        }
        self = read
    }

    fileprivate func write(to buffer: inout ByteBuffer) {
        buffer.writeOption(1, maxAttempts)
        if let backoff { buffer.writeOption(2) { backoff.write(to: &$0) } }
        buffer.writeOption(3, retainCompletedMilliseconds)
        buffer.writeOption(4, retainDeadMilliseconds)
        buffer.writeOption(5, retainCancelledMilliseconds)
        buffer.writeOption(6, retainExpiredMilliseconds)
        buffer.writeOption(7, maxCrashes)
        buffer.writeOption(8, maxInterruptions)
        buffer.writeOption(9, priority)
        buffer.writeOption(10, due?.delay)
        buffer.writeOption(11, due?.instant)
        buffer.writeOption(12, expiresMilliseconds)
        buffer.writeOption(13, timeoutMilliseconds)
        if let unique { buffer.writeOption(14) { unique.write(to: &$0) } }
        if let tags { buffer.writeOption(15) { $0.writeBytes(tags.bytes) } }
        if let headers { buffer.writeOption(16) { $0.writeBytes(headers.bytes) } }
    }
}

extension SubmitOptions.Due {
    fileprivate init(at instant: UInt64, beside other: Self?) {
        self =
            if case .delay(let delay) = other { .both(delay: delay, at: instant) } else {
                .at(instant)
            }
    }

    var delay: UInt64? {
        switch self {
        case .delay(let delay), .both(let delay, _): delay
        case .at: nil
        }
    }

    fileprivate var instant: UInt64? {
        switch self {
        case .at(let instant), .both(_, let instant): instant
        case .delay: nil
        }
    }
}

extension SubmitOptions.Backoff {
    fileprivate init(from reader: inout WireReader) throws(WireError) {
        self.init(
            kind: try reader.named("backoff kind"), jitter: try reader.named("backoff jitter"),
            factor: try reader.u16(), baseMilliseconds: try reader.u32(),
            capMilliseconds: try reader.u32())
    }

    fileprivate func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(
            kind.rawValue, jitter.rawValue, factor, baseMilliseconds, capMilliseconds,
            endianness: .little)
    }
}
