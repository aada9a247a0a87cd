import CMartletChecksum

/// The turn's log record while it grows: page-aligned, reused turn after turn.
///
/// The header's place is kept free in front; the mutations follow in the order they were made.
///
/// A handle, whose copies are the same buffer until one of them frees it: counting references would cost every
/// row some of its time.
struct RecordBuffer {
    private struct State {
        var base: UnsafeMutableRawPointer
        var capacity: Int
        var count = RecordHeader.size
        var mutations: UInt32 = 0
        /// Of the mutations.
        var checksum: UInt32 = 0
    }

    private let state: UnsafeMutablePointer<State>

    private static let initialCapacity = 256 * 1024
    /// A buffer that one large turn made larger than this is given back after it.
    private static let keptCapacity = 8 * 1024 * 1024

    init() {
        let base = Self.allocate(Self.initialCapacity)
        state = .allocate(capacity: 1)
        state.initialize(to: State(base: base, capacity: Self.initialCapacity))
    }

    func free() {
        base.deallocate()
        state.deallocate()
    }

    var base: UnsafeMutableRawPointer { state.pointee.base }
    var capacity: Int { state.pointee.capacity }
    /// Bytes in use, the header's included.
    var count: Int { state.pointee.count }
    var mutations: UInt32 { state.pointee.mutations }
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
        var checksum = state.pointee.checksum
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
        state.pointee.checksum = checksum
        state.pointee.count += mutation.size
        state.pointee.mutations += 1
    }

    /// Doubles until `room` more bytes fit behind the first `used`.
    func grow(keeping used: Int, room: Int) {
        var larger = capacity
        while larger - used < room { larger *= 2 }
        guard larger > capacity else { return }
        let moved = Self.allocate(larger)
        moved.copyMemory(from: base, byteCount: used)
        base.deallocate()
        state.pointee.base = moved
        state.pointee.capacity = larger
    }

    /// Puts the header in front, and zeros behind up to a whole block. Returns the checksum.
    func seal(turn: UInt64, previous: UInt32, overtakes: Int = 0, _ log: LogID) -> UInt32 {
        let whole = LogFormat.blocks(count)
        grow(keeping: count, room: whole - count)
        (base + count).initializeMemory(as: UInt8.self, repeating: 0, count: whole - count)
        let header = RecordHeader(
            turn: turn, length: count - RecordHeader.size, mutations: mutations, previous: previous,
            overtakes: overtakes)
        return header.seal(base, log, state.pointee.checksum)
    }

    /// The sealed record, whole blocks.
    var blocks: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base, count: LogFormat.blocks(count))
    }

    func clear() {
        var (base, capacity) = (base, capacity)
        if capacity > Self.keptCapacity {
            base.deallocate()
            capacity = Self.initialCapacity
            base = Self.allocate(capacity)
        }
        state.pointee = State(base: base, capacity: capacity)
    }

    private static func allocate(_ bytes: Int) -> UnsafeMutableRawPointer {
        .allocate(byteCount: bytes, alignment: LogFormat.block)
    }
}
