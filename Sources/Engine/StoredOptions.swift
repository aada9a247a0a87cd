import Store

/// What a job's row says of its options: only those that differ from the defaults. Byte strings point
/// where those of the row do.
///
/// ```
/// u32 which of these follow, bit n the n-th:
/// 0 backoff: u8 kind  u8 jitter  u16 factor  u32 base  u32 cap
/// 1 … 4 retain completed, dead, cancelled, expired: u64
/// 5 max crashes: u16    6 max interruptions: u16    7 expires at: u64    8 timeout: u64
/// 9 unique: u8 scope  u8 flags  u64 until  u8 n, key
/// 10 tags: u16 n, as on the wire    11 headers: u16 n, as on the wire
/// ```
struct StoredOptions {
    var backoff: Backoff?
    var retainCompleted: UInt64?
    var retainDead: UInt64?
    var retainCancelled: UInt64?
    var retainExpired: UInt64?
    var maxCrashes: UInt16?
    var maxInterruptions: UInt16?
    /// Milliseconds since 1970.
    var expiresAt: UInt64?
    /// Milliseconds that one attempt may run.
    var timeout: UInt64?
    var unique: Unique?
    var tags = UnsafeRawBufferPointer.none
    var headers = UnsafeRawBufferPointer.none

    struct Unique {
        var scope: UniqueKey.Scope
        /// Whether the job holds the key: exactly then there is a row in `unique`.
        var isHeld: Bool
        /// When the key becomes free, of scope `period`; else 0.
        var until: UInt64
        var key: UnsafeRawBufferPointer
    }

    struct Fields: OptionSet {
        let rawValue: UInt32
        static let backoff = Fields(rawValue: 1 << 0)
        static let retainCompleted = Fields(rawValue: 1 << 1)
        static let retainDead = Fields(rawValue: 1 << 2)
        static let retainCancelled = Fields(rawValue: 1 << 3)
        static let retainExpired = Fields(rawValue: 1 << 4)
        static let maxCrashes = Fields(rawValue: 1 << 5)
        static let maxInterruptions = Fields(rawValue: 1 << 6)
        static let expiresAt = Fields(rawValue: 1 << 7)
        static let timeout = Fields(rawValue: 1 << 8)
        static let unique = Fields(rawValue: 1 << 9)
        static let tags = Fields(rawValue: 1 << 10)
        static let headers = Fields(rawValue: 1 << 11)
    }

    var fields: Fields {
        var fields = Fields()
        if backoff != nil { fields.insert(.backoff) }
        if retainCompleted != nil { fields.insert(.retainCompleted) }
        if retainDead != nil { fields.insert(.retainDead) }
        if retainCancelled != nil { fields.insert(.retainCancelled) }
        if retainExpired != nil { fields.insert(.retainExpired) }
        if maxCrashes != nil { fields.insert(.maxCrashes) }
        if maxInterruptions != nil { fields.insert(.maxInterruptions) }
        if expiresAt != nil { fields.insert(.expiresAt) }
        if timeout != nil { fields.insert(.timeout) }
        if unique != nil { fields.insert(.unique) }
        if tags.count > 0 { fields.insert(.tags) }
        if headers.count > 0 { fields.insert(.headers) }
        return fields
    }

    /// Whether every option has its default, so that the row needs no such section.
    var isEmpty: Bool { fields.isEmpty }

    /// Every option has its default.
    init() {}

    /// - Parameter now: when the job is submitted.
    init(_ options: JobOptions, now: UInt64) {
        let options = options.said
        backoff = options.backoff
        retainCompleted = options.retainCompleted
        retainDead = options.retainDead
        retainCancelled = options.retainCancelled
        retainExpired = options.retainExpired
        maxCrashes = options.maxCrashes
        maxInterruptions = options.maxInterruptions
        expiresAt = options.timeToLive.map { now + $0 }
        timeout = options.timeout
    }

    init(_ submission: Submission, _ options: JobOptions, now: UInt64) {
        self.init(options, now: now)
        tags = submission.tags
        headers = submission.headers
        guard let key = submission.unique else { return }
        let until = key.scope == .period ? now + key.period : 0
        unique = Unique(scope: key.scope, isHeld: true, until: until, key: key.bytes)
    }

    // MARK: Bytes

    /// - Parameter bytes: what `init(from:)` has read before.
    init(readBefore bytes: UnsafeRawBufferPointer) {
        var reader = RowReader(readBefore: bytes)
        do {
            try self.init(from: &reader)
        } catch {
            preconditionFailure("options that could be read can't be read again: \(error)")
        }
    }

    init(from reader: inout RowReader) throws(StoreError) {
        let fields = Fields(rawValue: try reader.u32())
        if fields.contains(.backoff) { backoff = try Backoff(from: &reader) }
        if fields.contains(.retainCompleted) { retainCompleted = try reader.u64() }
        if fields.contains(.retainDead) { retainDead = try reader.u64() }
        if fields.contains(.retainCancelled) { retainCancelled = try reader.u64() }
        if fields.contains(.retainExpired) { retainExpired = try reader.u64() }
        if fields.contains(.maxCrashes) { maxCrashes = try reader.u16() }
        if fields.contains(.maxInterruptions) { maxInterruptions = try reader.u16() }
        if fields.contains(.expiresAt) { expiresAt = try reader.u64() }
        if fields.contains(.timeout) { timeout = try reader.u64() }
        if fields.contains(.unique) { unique = try Unique(from: &reader) }
        if fields.contains(.tags) { tags = try reader.bytes(Int(try reader.u16())) }
        if fields.contains(.headers) { headers = try reader.bytes(Int(try reader.u16())) }
    }

    func write(to writer: inout RowWriter) {
        writer.u32(fields.rawValue)
        backoff?.write(to: &writer)
        if let retainCompleted { writer.u64(retainCompleted) }
        if let retainDead { writer.u64(retainDead) }
        if let retainCancelled { writer.u64(retainCancelled) }
        if let retainExpired { writer.u64(retainExpired) }
        if let maxCrashes { writer.u16(maxCrashes) }
        if let maxInterruptions { writer.u16(maxInterruptions) }
        if let expiresAt { writer.u64(expiresAt) }
        if let timeout { writer.u64(timeout) }
        unique?.write(to: &writer)
        if tags.count > 0 { writer.bytes16(tags) }
        if headers.count > 0 { writer.bytes16(headers) }
    }
}

extension StoredOptions.Fields {
    /// Those of stored options.
    init(in bytes: UnsafeRawBufferPointer) {
        self.init(rawValue: UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)))
    }
}

extension StoredOptions.Unique {
    init(from reader: inout RowReader) throws(StoreError) {
        let scope = try reader.u8()
        guard let known = UniqueKey.Scope(rawValue: scope) else {
            throw nonsense(Tables.jobs, Key(), "a unique key of scope \(scope)")
        }
        self.scope = known
        isHeld = try reader.u8() & 1 != 0
        until = try reader.u64()
        key = try reader.bytes(Int(try reader.u8()))
    }

    func write(to writer: inout RowWriter) {
        writer.u8(scope.rawValue)
        writer.u8(isHeld ? 1 : 0)
        writer.u64(until)
        writer.u8(UInt8(key.count))
        writer.bytes(key)
    }
}

extension Backoff {
    init(from reader: inout RowReader) throws(StoreError) {
        let (kind, jitter) = (try reader.u8(), try reader.u8())
        guard let knownKind = Kind(rawValue: kind), let knownJitter = Jitter(rawValue: jitter)
        else {
            throw nonsense(Tables.jobs, Key(), "a backoff of kind \(kind) and jitter \(jitter)")
        }
        self.init(
            kind: knownKind, jitter: knownJitter, factor: try reader.u16(),
            base: try reader.u32(), cap: try reader.u32())
    }

    func write(to writer: inout RowWriter) {
        writer.u8(kind.rawValue)
        writer.u8(jitter.rawValue)
        writer.u16(factor)
        writer.u32(base)
        writer.u32(cap)
    }
}

extension RowWriter {
    /// Two bytes of length and that many bytes.
    mutating func bytes16(_ bytes: UnsafeRawBufferPointer) {
        u16(UInt16(bytes.count))
        self.bytes(bytes)
    }
}
