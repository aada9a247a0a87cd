import CMartletChecksum

/// What stands before the mutations of a turn: 64 bytes.
///
///     u32 magic  u16 version  u16 zero  u64 log id (two)  u64 turn  u64 length of the mutations
///     u32 mutations  u32 checksum of the record before  u32 checksum of this one
///     u32 records before it that were still on their way when it was begun  u32 zero (two)
struct RecordHeader: Equatable {
    static let size = 64
    static let magic: UInt32 = 0x524c_544d  // "MTLR"
    private static let checksumOffset = 48
    private static let overtakesOffset = 52

    var turn: UInt64
    var length: Int
    var mutations: UInt32
    var previous: UInt32
    /// The disk may be done with it before so many records before it, and with those never.
    var overtakes = 0

    /// The last turn that was durable for certain when this one was begun.
    var durableTurn: UInt64 { turn - 1 - UInt64(overtakes) }

    /// Writes the header in front of the mutations and returns the record's checksum.
    /// - Parameter mutationsChecksum: that of the mutations alone.
    func seal(
        _ record: UnsafeMutableRawPointer, _ log: LogID, _ mutationsChecksum: UInt32
    ) -> UInt32 {
        record.initializeMemory(as: UInt8.self, repeating: 0, count: RecordHeader.size)
        record.store(RecordHeader.magic, at: 0)
        record.store(LogFormat.version, at: 4)
        record.store(log.high, at: 8)
        record.store(log.low, at: 16)
        record.store(turn, at: 24)
        record.store(UInt64(length), at: 32)
        record.store(mutations, at: 40)
        record.store(previous, at: 44)
        record.store(UInt32(overtakes), at: Self.overtakesOffset)
        let before = Self.checksum(record, RecordHeader.size, log)
        let checksum = mutationsChecksum ^ martlet_crc32c_carried(before, length)
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
        overtakes = Int(at.field(Self.overtakesOffset, UInt32.self))
        guard turn > overtakes else { return nil }
        mutations = at.field(40, UInt32.self)
        previous = at.field(44, UInt32.self)
        self.length = length
    }

    init(turn: UInt64, length: Int, mutations: UInt32, previous: UInt32, overtakes: Int = 0) {
        self.turn = turn
        self.length = length
        self.mutations = mutations
        self.previous = previous
        self.overtakes = overtakes
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
