import CMartletChecksum

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
