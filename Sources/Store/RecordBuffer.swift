import CMartletChecksum

/// The turn's log record while it grows: page-aligned, reused turn after turn.
///
/// The header's place is kept free in front; the mutations follow in the order they were made.
final class RecordBuffer {
    private(set) var base: UnsafeMutableRawPointer
    private(set) var capacity: Int
    /// Bytes in use, the header's included.
    private(set) var count = RecordHeader.size
    private(set) var mutations: UInt32 = 0
    /// Of the mutations.
    private var checksum: UInt32 = 0

    private static let initialCapacity = 256 * 1024
    /// A buffer that one large turn made larger than this is given back after it.
    private static let keptCapacity = 8 * 1024 * 1024

    init() {
        capacity = Self.initialCapacity
        base = Self.allocate(capacity)
    }

    deinit { base.deallocate() }

    var isEmpty: Bool { mutations == 0 }

    /// Where the next mutation goes, with room for its header, its key and a short row.
    func next(keyCount: Int) -> UnsafeMutableRawPointer {
        let room = Mutation.headerSize + keyCount + 512
        if capacity - count < room { grow(keeping: count, room: room) }
        return base + count
    }

    /// - Parameter check: the row's check value, which ends it: its bytes are not summed again. nil: there is no row.
    func finish(_ mutation: Mutation, check: UInt32? = nil) {
        let at = base + count
        mutation.encode(at: at)
        if let check {
            checksum = martlet_crc32c(checksum, at, Mutation.headerSize)
            checksum = CheckValue.checksum(
                checksum, continuedOver: check, table: mutation.table, keyCount: mutation.keyCount,
                valueCount: mutation.valueCount - CheckValue.size)
            let end = at + mutation.size - CheckValue.size
            checksum = martlet_crc32c(checksum, end, CheckValue.size)
        } else {
            checksum = martlet_crc32c(checksum, at, mutation.size)
        }
        count += mutation.size
        mutations += 1
    }

    /// Doubles until `room` more bytes fit behind the first `used`.
    func grow(keeping used: Int, room: Int) {
        var larger = capacity
        while larger - used < room { larger *= 2 }
        guard larger > capacity else { return }
        let moved = Self.allocate(larger)
        moved.copyMemory(from: base, byteCount: used)
        base.deallocate()
        base = moved
        capacity = larger
    }

    /// Puts the header in front, and zeros behind up to a whole block. Returns the checksum.
    func seal(turn: UInt64, previous: UInt32, overtakes: Int = 0, _ log: LogID) -> UInt32 {
        let whole = LogFormat.blocks(count)
        grow(keeping: count, room: whole - count)
        (base + count).initializeMemory(as: UInt8.self, repeating: 0, count: whole - count)
        let header = RecordHeader(
            turn: turn, length: count - RecordHeader.size, mutations: mutations, previous: previous,
            overtakes: overtakes)
        return header.seal(base, log, checksum)
    }

    /// The sealed record, whole blocks.
    var blocks: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base, count: LogFormat.blocks(count))
    }

    func clear() {
        count = RecordHeader.size
        mutations = 0
        checksum = 0
        guard capacity > Self.keptCapacity else { return }
        base.deallocate()
        capacity = Self.initialCapacity
        base = Self.allocate(capacity)
    }

    private static func allocate(_ bytes: Int) -> UnsafeMutableRawPointer {
        .allocate(byteCount: bytes, alignment: LogFormat.block)
    }
}
