import CMartletChecksum

/// The bytes of the redo log. Everything is little-endian.
///
/// A segment is a file of fixed size: a header block, then records, each at the start of a 4 KiB block,
/// so that the block of a durable record is never written again. Numbers of segments and turns are
/// consecutive, records never cross segments, and each record names the checksum of the one before it.
///
/// To change it: raise `version`, and read the older version's records in recovery for one release;
/// the version is in every header, so that a mixed log is told apart record by record.
enum LogFormat {
    static let version: UInt16 = 1
    static let block = 4096
    /// Where a segment's first record begins.
    static let firstRecord = block

    static func blocks(_ bytes: Int) -> Int { (bytes + block - 1) & ~(block - 1) }
}

/// The random name of one store's log. It seeds every checksum and stands in every header, so that
/// nothing a user can put into a payload is taken for a record, nor another store's segment for ours.
struct LogID: Equatable, Sendable {
    let high: UInt64
    let low: UInt64

    static func random() -> LogID {
        LogID(high: .random(in: .min ... .max), low: .random(in: .min ... .max))
    }

    var text: String { hexadecimal(bytes) }

    private var bytes: [UInt8] {
        [high, low].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) }
        }
    }
}

extension LogID {
    init?(text: String) {
        guard text.utf8.count == 32, let high = UInt64(text.prefix(16), radix: 16),
            let low = UInt64(text.suffix(16), radix: 16)
        else { return nil }
        self.init(high: high, low: low)
    }
}

/// What stands before the mutations of a turn: 64 bytes.
///
///     u32 magic  u16 version  u16 zero  u64 log id (two)  u64 turn  u64 length of the mutations
///     u32 mutations  u32 checksum of the record before  u32 checksum of this one  u32 zero (three)
struct RecordHeader: Equatable {
    static let size = 64
    static let magic: UInt32 = 0x524c_544d  // "MTLR"
    private static let checksumOffset = 48

    var turn: UInt64
    var length: Int
    var mutations: UInt32
    var previous: UInt32

    /// Writes the header in front of the mutations and returns the record's checksum.
    func seal(_ record: UnsafeMutableRawPointer, _ log: LogID) -> UInt32 {
        record.initializeMemory(as: UInt8.self, repeating: 0, count: RecordHeader.size)
        record.store(RecordHeader.magic, at: 0)
        record.store(LogFormat.version, at: 4)
        record.store(log.high, at: 8)
        record.store(log.low, at: 16)
        record.store(turn, at: 24)
        record.store(UInt64(length), at: 32)
        record.store(mutations, at: 40)
        record.store(previous, at: 44)
        let checksum = Self.checksum(record, RecordHeader.size + length, log)
        record.store(checksum, at: Self.checksumOffset)
        return checksum
    }

    /// The header at the start of `bytes`, if one of this log is there whose length fits. Its checksum
    /// is not looked at.
    init?(_ bytes: UnsafeRawBufferPointer, _ log: LogID) {
        guard bytes.count >= RecordHeader.size, let at = bytes.baseAddress,
            at.field(0, UInt32.self) == RecordHeader.magic,
            at.field(4, UInt16.self) == LogFormat.version,
            at.field(8, UInt64.self) == log.high, at.field(16, UInt64.self) == log.low
        else { return nil }
        guard let length = Int(exactly: at.field(32, UInt64.self)),
            length <= bytes.count - RecordHeader.size
        else { return nil }
        turn = at.field(24, UInt64.self)
        mutations = at.field(40, UInt32.self)
        previous = at.field(44, UInt32.self)
        self.length = length
    }

    init(turn: UInt64, length: Int, mutations: UInt32, previous: UInt32) {
        self.turn = turn
        self.length = length
        self.mutations = mutations
        self.previous = previous
    }

    /// The record's checksum when it is the one that the record carries.
    func verified(_ bytes: UnsafeRawBufferPointer, _ log: LogID) -> UInt32? {
        guard let at = bytes.baseAddress else { return nil }
        let stored = at.field(Self.checksumOffset, UInt32.self)
        return Self.checksum(at, RecordHeader.size + length, log) == stored ? stored : nil
    }

    private static func checksum(_ at: UnsafeRawPointer, _ count: Int, _ log: LogID) -> UInt32 {
        let seed = UInt32(truncatingIfNeeded: log.low)
        let before = martlet_crc32c(seed, at, checksumOffset)
        let behind = checksumOffset + 4
        return martlet_crc32c(before, at + behind, count - behind)
    }
}

/// A segment's first block; the rest of it is zeros.
///
///     u32 magic  u16 version  u16 zero  u64 log id (two)  u64 number  u64 first turn
///     u32 checksum of the record before  u32 checksum of this block
struct SegmentHeader: Equatable {
    static let magic: UInt32 = 0x534c_544d  // "MTLS"
    private static let checksumOffset = 44

    var number: UInt64
    var firstTurn: UInt64
    var previous: UInt32

    func encode(into block: UnsafeMutableRawPointer, _ log: LogID) {
        block.initializeMemory(as: UInt8.self, repeating: 0, count: LogFormat.block)
        block.store(SegmentHeader.magic, at: 0)
        block.store(LogFormat.version, at: 4)
        block.store(log.high, at: 8)
        block.store(log.low, at: 16)
        block.store(number, at: 24)
        block.store(firstTurn, at: 32)
        block.store(previous, at: 40)
        block.store(Self.checksum(block, log), at: Self.checksumOffset)
    }

    init(number: UInt64, firstTurn: UInt64, previous: UInt32) {
        self.number = number
        self.firstTurn = firstTurn
        self.previous = previous
    }

    init?(_ block: UnsafeRawPointer, _ log: LogID) {
        guard block.field(0, UInt32.self) == SegmentHeader.magic,
            block.field(4, UInt16.self) == LogFormat.version,
            block.field(8, UInt64.self) == log.high, block.field(16, UInt64.self) == log.low,
            block.field(Self.checksumOffset, UInt32.self) == Self.checksum(block, log)
        else { return nil }
        number = block.field(24, UInt64.self)
        firstTurn = block.field(32, UInt64.self)
        previous = block.field(40, UInt32.self)
    }

    private static func checksum(_ block: UnsafeRawPointer, _ log: LogID) -> UInt32 {
        martlet_crc32c(UInt32(truncatingIfNeeded: log.low), block, checksumOffset)
    }
}

/// One change of one row inside a record; the key and the value (with its check value) follow it.
///
///     u8 operation  u8 table  u16 key length  u32 value length
struct Mutation {
    static let headerSize = 8

    enum Operation: UInt8 {
        case put = 1
        case delete = 2
    }

    var operation: Operation
    var table: UInt8
    var keyCount: Int
    var valueCount: Int

    var size: Int { Mutation.headerSize + keyCount + valueCount }

    func encode(at: UnsafeMutableRawPointer) {
        at.store(operation.rawValue, at: 0)
        at.store(table, at: 1)
        at.store(UInt16(keyCount), at: 2)
        at.store(UInt32(valueCount), at: 4)
    }

    /// nil when `bytes` don't hold a whole mutation.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Mutation.headerSize, let at = bytes.baseAddress,
            let operation = Operation(rawValue: at.field(0, UInt8.self))
        else { return nil }
        self.operation = operation
        table = at.field(1, UInt8.self)
        keyCount = Int(at.field(2, UInt16.self))
        valueCount = Int(at.field(4, UInt32.self))
        guard size <= bytes.count else { return nil }
    }

    init(_ operation: Operation, table: UInt8, keyCount: Int, valueCount: Int) {
        self.operation = operation
        self.table = table
        self.keyCount = keyCount
        self.valueCount = valueCount
    }
}

extension UnsafeMutableRawPointer {
    func store<Field: FixedWidthInteger>(_ field: Field, at offset: Int) {
        storeBytes(of: field.littleEndian, toByteOffset: offset, as: Field.self)
    }
}

extension UnsafeRawPointer {
    func field<Field: FixedWidthInteger>(_ offset: Int, _: Field.Type) -> Field {
        Field(littleEndian: loadUnaligned(fromByteOffset: offset, as: Field.self))
    }
}
