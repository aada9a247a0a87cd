import Store

/// What a submission may say about its job. Absent options cost nothing: no byte in the row.
package struct JobOptions: Sendable, Equatable {
    /// Failures until the job is dead; as many crashes kill it too.
    package var maxAttempts: UInt16?
    package var backoff: Backoff?
    /// Milliseconds that the finished job is kept.
    package var retainCompleted: UInt64?
    package var retainDead: UInt64?

    package init(
        maxAttempts: UInt16? = nil, backoff: Backoff? = nil, retainCompleted: UInt64? = nil,
        retainDead: UInt64? = nil
    ) {
        self.maxAttempts = maxAttempts
        self.backoff = backoff
        self.retainCompleted = retainCompleted
        self.retainDead = retainDead
    }

    package static let defaultMaxAttempts: UInt16 = 20
    package static let defaultRetainCompleted: UInt64 = 3_600_000
    package static let defaultRetainDead: UInt64 = 604_800_000
}

/// A payload or result in place: bytes as carried, with what is needed to read them elsewhere.
/// The pointer is valid only during the call that hands it over.
package struct StoredPayload {
    package var codec: UInt8
    package var rawBytes: UInt32
    package var checksum: UInt32
    package var bytes: UnsafeRawBufferPointer

    package init(codec: UInt8, rawBytes: UInt32, checksum: UInt32, bytes: UnsafeRawBufferPointer) {
        self.codec = codec
        self.rawBytes = rawBytes
        self.checksum = checksum
        self.bytes = bytes
    }

    static var none: StoredPayload {
        StoredPayload(codec: 0, rawBytes: 0, checksum: 0, bytes: .none)
    }
}

/// A job as stored. Byte strings point into the page (or the command) that the row was read from
/// and are valid as long as that is: rows are read, changed and written within one call.
///
/// ```
/// u8 state  u8 order  u8 flags  u8 codec  u32 queue  u64 created  u32 raw  u32 checksum  u32 bytes
/// u16 failures  u16 crashes  u16 interruptions  u16 max attempts  u8 n, type
/// [options: u32 base  u32 cap  u64 retain completed  u64 retain dead]
/// [history: u64 due  u64 started  u64 finished  u16 n, error]
/// [result:  u8 codec  u32 raw  u32 checksum  u32 bytes  [u64 where its pieces are]]
/// payload, if in the row; result, if in the row
/// ```
struct JobRow {
    var state: JobState
    /// 255 less the priority, so that byte order is the order of delivery.
    var order: UInt8
    var queue: UInt32
    var createdAt: UInt64
    var failures: UInt16 = 0
    var crashes: UInt16 = 0
    var interruptions: UInt16 = 0
    var maxAttempts: UInt16
    var type: UnsafeRawBufferPointer
    var options: StoredOptions?
    var history: History?
    var payload: StoredPayload
    /// Length of the payload as stored; its bytes are in the row, in pieces, or dropped.
    var payloadBytes: UInt32
    var payloadPlace: Place
    var result: StoredPayload?
    var resultBytes: UInt32 = 0
    var resultPlace = Place.row
    /// The id that the result's pieces are stored under, if it is not the job's own: one that was set aside when
    /// the result was staged.
    var stagedResult: UInt64?

    struct StoredOptions {
        var backoff: Backoff
        var retainCompleted: UInt64
        var retainDead: UInt64
    }

    struct History {
        var dueAt: UInt64 = 0
        var startedAt: UInt64 = 0
        var finishedAt: UInt64 = 0
        var error = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    enum Place { case row, pieces, dropped }

    struct Flags: OptionSet {
        let rawValue: UInt8
        static let options = Flags(rawValue: 1)
        static let history = Flags(rawValue: 2)
        static let payloadInPieces = Flags(rawValue: 4)
        static let payloadDropped = Flags(rawValue: 8)
        static let result = Flags(rawValue: 16)
        static let resultInPieces = Flags(rawValue: 32)
        static let resultStaged = Flags(rawValue: 64)
    }

    /// Every delivery so far, the one under way not counted.
    var endedAttempts: UInt32 { UInt32(failures) + UInt32(crashes) + UInt32(interruptions) }

    var backoff: Backoff { options?.backoff ?? .standard }
    var retainCompleted: UInt64 { options?.retainCompleted ?? JobOptions.defaultRetainCompleted }
    var retainDead: UInt64 { options?.retainDead ?? JobOptions.defaultRetainDead }
}

// MARK: - Bytes

extension JobRow {
    init(from reader: inout RowReader) throws(StoreError) {
        let stateByte = try reader.u8()
        order = try reader.u8()
        let flags = Flags(rawValue: try reader.u8())
        let codec = try reader.u8()
        queue = try reader.u32()
        createdAt = try reader.u64()
        let rawBytes = try reader.u32()
        let checksum = try reader.u32()
        payloadBytes = try reader.u32()
        failures = try reader.u16()
        crashes = try reader.u16()
        interruptions = try reader.u16()
        maxAttempts = try reader.u16()
        type = try reader.bytes(Int(try reader.u8()))
        options = flags.contains(.options) ? try StoredOptions(from: &reader) : nil
        history = flags.contains(.history) ? try History(from: &reader) : nil
        payloadPlace =
            flags.contains(.payloadDropped)
            ? .dropped : flags.contains(.payloadInPieces) ? .pieces : .row
        payload = StoredPayload(codec: codec, rawBytes: rawBytes, checksum: checksum, bytes: .none)
        guard let state = JobState(rawValue: stateByte) else {
            throw nonsense(Tables.jobs, Key(), "a job of state \(stateByte)")
        }
        self.state = state
        if flags.contains(.result) {
            var result = StoredPayload.none
            result.codec = try reader.u8()
            result.rawBytes = try reader.u32()
            result.checksum = try reader.u32()
            resultBytes = try reader.u32()
            resultPlace = flags.contains(.resultInPieces) ? .pieces : .row
            if flags.contains(.resultStaged) { stagedResult = try reader.u64() }
            self.result = result
        }
        if payloadPlace == .row { payload.bytes = try reader.bytes(Int(payloadBytes)) }
        if result != nil, resultPlace == .row { result?.bytes = try reader.bytes(Int(resultBytes)) }
    }

    func write(to writer: inout RowWriter) {
        var flags = Flags()
        if options != nil { flags.insert(.options) }
        if history != nil { flags.insert(.history) }
        if payloadPlace == .pieces { flags.insert(.payloadInPieces) }
        if payloadPlace == .dropped { flags.insert(.payloadDropped) }
        if result != nil { flags.insert(.result) }
        if resultPlace == .pieces { flags.insert(.resultInPieces) }
        if stagedResult != nil { flags.insert(.resultStaged) }
        writer.u8(state.rawValue)
        writer.u8(order)
        writer.u8(flags.rawValue)
        writer.u8(payload.codec)
        writer.u32(queue)
        writer.u64(createdAt)
        writer.u32(payload.rawBytes)
        writer.u32(payload.checksum)
        writer.u32(payloadBytes)
        writer.u16(failures)
        writer.u16(crashes)
        writer.u16(interruptions)
        writer.u16(maxAttempts)
        writer.u8(UInt8(type.count))
        writer.bytes(type)
        options?.write(to: &writer)
        history?.write(to: &writer)
        if let result {
            writer.u8(result.codec)
            writer.u32(result.rawBytes)
            writer.u32(result.checksum)
            writer.u32(resultBytes)
            if let stagedResult { writer.u64(stagedResult) }
        }
        if payloadPlace == .row { writer.bytes(payload.bytes) }
        if let result, resultPlace == .row { writer.bytes(result.bytes) }
    }
}

extension JobRow.StoredOptions {
    init(from reader: inout RowReader) throws(StoreError) {
        backoff = Backoff(base: try reader.u32(), cap: try reader.u32())
        retainCompleted = try reader.u64()
        retainDead = try reader.u64()
    }

    /// The options that a row must hold: nil when every one has its default.
    init?(_ options: JobOptions) {
        guard options.backoff != nil || options.retainCompleted != nil || options.retainDead != nil
        else {
            return nil
        }
        backoff = options.backoff ?? .standard
        retainCompleted = options.retainCompleted ?? JobOptions.defaultRetainCompleted
        retainDead = options.retainDead ?? JobOptions.defaultRetainDead
    }

    func write(to writer: inout RowWriter) {
        writer.u32(backoff.base)
        writer.u32(backoff.cap)
        writer.u64(retainCompleted)
        writer.u64(retainDead)
    }
}

extension JobRow.History {
    init(from reader: inout RowReader) throws(StoreError) {
        dueAt = try reader.u64()
        startedAt = try reader.u64()
        finishedAt = try reader.u64()
        error = try reader.bytes(Int(try reader.u16()))
    }

    func write(to writer: inout RowWriter) {
        writer.u64(dueAt)
        writer.u64(startedAt)
        writer.u64(finishedAt)
        writer.u16(UInt16(error.count))
        writer.bytes(error)
    }
}

extension UnsafeRawBufferPointer {
    static var none: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }
}
