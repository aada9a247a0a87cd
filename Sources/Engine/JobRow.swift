import Store

/// A payload or result in place: bytes as carried, with what is needed to read them elsewhere.
/// The pointer is valid only during the call that hands it over.
package struct StoredPayload {
    package var codec: UInt8
    package var rawBytes: UInt32
    package var checksum: UInt32
    /// The dictionary that it was compressed with; 0: none. Only payloads of one codec have one.
    package var dictionary: UInt32
    package var bytes: UnsafeRawBufferPointer

    /// zstd with a dictionary.
    package static let dictionaryCodec: UInt8 = 2

    package init(
        codec: UInt8, rawBytes: UInt32, checksum: UInt32, dictionary: UInt32 = 0,
        bytes: UnsafeRawBufferPointer
    ) {
        self.codec = codec
        self.rawBytes = rawBytes
        self.checksum = checksum
        self.dictionary = dictionary
        self.bytes = bytes
    }

    static var none: StoredPayload {
        StoredPayload(codec: 0, rawBytes: 0, checksum: 0, bytes: .none)
    }

    var hasDictionary: Bool { codec == StoredPayload.dictionaryCodec }

    /// Where it is to be stored.
    var place: JobRow.Place { bytes.count <= EngineLimits.inlineBytesMax ? .row : .pieces }
}

/// A job as stored. Byte strings point into the page (or the command) that the row was read from
/// and are valid as long as that is: rows are read, changed and written within one call.
///
/// ```
/// u8 state  u8 order  u8 flags  u8 codec  u32 queue  u64 created  u32 raw  u32 checksum  u32 bytes
/// u16 failures  u16 crashes  u16 interruptions  u16 max attempts  u8 n, type
/// [u32 dictionary, of a payload with codec 2]
/// [options: `StoredOptions`]
/// [history: `History`]
/// [u64 where the payload's pieces are]
/// [result:  u8 codec  u32 raw  u32 checksum  u32 bytes  [u32 dictionary]  [u64 where its pieces are]]
/// payload, result: if in the row, or what of them is in no piece
/// ```
struct JobRow {
    var state: StoredState
    /// 255 less the priority, so that byte order is the order of delivery.
    var order: UInt8
    var queue: UInt32
    var createdAt: UInt64
    var failures: UInt16 = 0
    var crashes: UInt16 = 0
    var interruptions: UInt16 = 0
    var maxAttempts: UInt16
    var type: UnsafeRawBufferPointer
    var optionsPart = OptionsPart.none
    var history: History?
    var payload: StoredPayload
    /// Length of the payload as stored; its bytes are in the row, in pieces, or dropped. Of one in pieces `payload`
    /// has what is in the row, or all while the row is being made.
    var payloadBytes: UInt32
    var payloadPlace: Place
    /// The id that the payload's pieces are stored under, if it is not the job's own: one that was set aside
    /// when the payload was staged, to take the place of an earlier one.
    var stagedPayload: UInt64?
    var result: StoredPayload?
    var resultBytes: UInt32 = 0
    var resultPlace = Place.row
    /// The id that the result's pieces are stored under, if it is not the job's own: one that was set aside when
    /// the result was staged.
    var stagedResult: UInt64?
    /// Whether the job has rows in `notes`.
    var hasNotes = false

    enum Place {
        case row, pieces, dropped

        func bytesInRow(of byteCount: UInt32) -> Int {
            switch self {
            case .row: Int(byteCount)
            case .pieces: Int(byteCount) - EngineLimits.bytesInPieces(of: Int(byteCount))
            case .dropped: 0
            }
        }
    }

    /// Most jobs have no options, and of those of the others little is looked at: so they are read when
    /// they are asked for.
    enum OptionsPart {
        case none
        case stored(UnsafeRawBufferPointer)
        case said(Box<StoredOptions>)
    }

    struct Flags: OptionSet {
        let rawValue: UInt8
        static let options = Flags(rawValue: 1)
        static let history = Flags(rawValue: 2)
        static let payloadInPieces = Flags(rawValue: 4)
        static let payloadDropped = Flags(rawValue: 8)
        static let result = Flags(rawValue: 16)
        static let resultInPieces = Flags(rawValue: 32)
        static let resultStaged = Flags(rawValue: 64)
        static let notes = Flags(rawValue: 128)
        /// In pieces under another id: what is dropped is in no pieces.
        static let payloadStaged: Flags = [.payloadInPieces, .payloadDropped]
    }

    var options: StoredOptions? {
        get {
            switch optionsPart {
            case .none: nil
            case .stored(let bytes): StoredOptions(readBefore: bytes)
            case .said(let options): options.value
            }
        }
        set { share(newValue.map { Box($0) }) }
    }

    /// Options that many rows have.
    mutating func share(_ options: Box<StoredOptions>?) {
        optionsPart = options.map { .said($0) } ?? .none
    }

    /// The options that are there at all.
    var optionFields: StoredOptions.Fields {
        switch optionsPart {
        case .none: []
        case .stored(let bytes): StoredOptions.Fields(in: bytes)
        case .said(let options): options.value.fields
        }
    }

    var hasOptions: Bool { if case .none = optionsPart { false } else { true } }

    /// Replaces the options' bytes by a copy of them.
    mutating func keepOptions(_ keep: (UnsafeRawBufferPointer) -> UnsafeRawBufferPointer) {
        if case .stored(let bytes) = optionsPart { optionsPart = .stored(keep(bytes)) }
    }

    /// Every delivery so far, the one under way not counted.
    var endedAttempts: UInt32 { UInt32(failures) + UInt32(crashes) + UInt32(interruptions) }

    var priority: UInt8 { 255 - order }
    var backoff: Backoff { options?.backoff ?? .standard }
    var maxCrashes: UInt16 { options?.maxCrashes ?? maxAttempts }
    var maxInterruptions: UInt16 { options?.maxInterruptions ?? .max }
    /// Milliseconds since 1970; nil: never.
    var expiresAt: UInt64? {
        optionFields.contains(.expiresAt) ? options?.expiresAt : nil
    }
    var unique: StoredOptions.Unique? {
        optionFields.contains(.unique) ? options?.unique : nil
    }

    /// Ids besides the job's own that pieces of it are stored under.
    var stagedIDs: [UInt64] { [stagedPayload, stagedResult].compactMap { $0 } }

    /// How long the job is to be kept in a finished state, in milliseconds.
    func retention(_ state: StoredState) -> UInt64 {
        let options = options
        return switch state {
        case .waiting: 0
        case .completed: options?.retainCompleted ?? JobOptions.defaultRetainCompleted
        case .dead: options?.retainDead ?? JobOptions.defaultRetainDead
        case .cancelled: options?.retainCancelled ?? JobOptions.defaultRetainCancelled
        case .expired: options?.retainExpired ?? JobOptions.defaultRetainExpired
        }
    }
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
        payload = StoredPayload(codec: codec, rawBytes: rawBytes, checksum: checksum, bytes: .none)
        if payload.hasDictionary { payload.dictionary = try reader.u32() }
        if flags.contains(.options) {
            optionsPart = .stored(
                try reader.bytes { reader throws(StoreError) in
                    _ = try StoredOptions(from: &reader)
                })
        }
        history = flags.contains(.history) ? try History(from: &reader) : nil
        payloadPlace =
            flags.contains(.payloadInPieces)
            ? .pieces : flags.contains(.payloadDropped) ? .dropped : .row
        if flags.isSuperset(of: .payloadStaged) { stagedPayload = try reader.u64() }
        hasNotes = flags.contains(.notes)
        guard let state = StoredState(rawValue: stateByte) else {
            throw nonsense(Tables.jobs, Key(), "a job of state \(stateByte)")
        }
        self.state = state
        if flags.contains(.result) {
            var result = StoredPayload.none
            result.codec = try reader.u8()
            result.rawBytes = try reader.u32()
            result.checksum = try reader.u32()
            resultBytes = try reader.u32()
            if result.hasDictionary { result.dictionary = try reader.u32() }
            resultPlace = flags.contains(.resultInPieces) ? .pieces : .row
            if flags.contains(.resultStaged) { stagedResult = try reader.u64() }
            self.result = result
        }
        payload.bytes = try reader.bytes(payloadPlace.bytesInRow(of: payloadBytes))
        if result != nil {
            result?.bytes = try reader.bytes(resultPlace.bytesInRow(of: resultBytes))
        }
    }

    func write(to writer: inout RowWriter) {
        var flags = Flags()
        if hasOptions { flags.insert(.options) }
        if history != nil { flags.insert(.history) }
        if payloadPlace == .pieces { flags.insert(.payloadInPieces) }
        if payloadPlace == .dropped { flags.insert(.payloadDropped) }
        if payloadPlace == .pieces, stagedPayload != nil { flags.insert(.payloadDropped) }
        if result != nil { flags.insert(.result) }
        if resultPlace == .pieces { flags.insert(.resultInPieces) }
        if stagedResult != nil { flags.insert(.resultStaged) }
        if hasNotes { flags.insert(.notes) }
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
        if payload.hasDictionary { writer.u32(payload.dictionary) }
        switch optionsPart {
        case .none: break
        case .stored(let bytes): writer.bytes(bytes)
        case .said(let options): options.value.write(to: &writer)
        }
        history?.write(to: &writer)
        if payloadPlace == .pieces, let stagedPayload { writer.u64(stagedPayload) }
        if let result {
            writer.u8(result.codec)
            writer.u32(result.rawBytes)
            writer.u32(result.checksum)
            writer.u32(resultBytes)
            if result.hasDictionary { writer.u32(result.dictionary) }
            if let stagedResult { writer.u64(stagedResult) }
        }
        writer.bytes(payload.bytes.last(payloadPlace.bytesInRow(of: payloadBytes)))
        if let result { writer.bytes(result.bytes.last(resultPlace.bytesInRow(of: resultBytes))) }
    }
}

/// What few rows have, kept out of the many: a row is copied often.
final class Box<Value> {
    let value: Value

    init(_ value: Value) { self.value = value }
}

extension Box: Sendable where Value: Sendable {}

extension UnsafeRawBufferPointer {
    package static var none: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

    func last(_ count: Int) -> UnsafeRawBufferPointer {
        assert(count <= self.count)
        return UnsafeRawBufferPointer(
            start: baseAddress.map { $0 + self.count - count }, count: count)
    }
}
