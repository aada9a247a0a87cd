import CLMDB

/// Which rows of a pack were removed.
///
/// Stored right behind the pack, under its place and a zero byte, as a bit for each row: a pack itself never changes,
/// and removing a row of many packs each costs no page of rows.
///
///     u32 rows of the pack   u32 rows left   u64 … a bit for each row, 1: removed   u32 check value
///
/// A handle: no reference is counted for a row. Whoever made it frees it.
struct RemovedRows {
    private let state: UnsafeMutableRawPointer
    private let byteCount: Int

    private static let headBytes = 8

    /// None of so many.
    init(of rows: Int) {
        byteCount = RemovedRows.storedBytes(rows)
        state = .allocate(byteCount: byteCount, alignment: 8)
        state.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        state.store(UInt32(rows), at: 0)
        state.store(UInt32(rows), at: 4)
    }

    /// - Parameter stored: what `isGood`.
    init(copying stored: UnsafeRawBufferPointer) {
        byteCount = stored.count
        state = .allocate(byteCount: byteCount, alignment: 8)
        UnsafeMutableRawBufferPointer(start: state, count: byteCount).copyMemory(from: stored)
    }

    func free() { state.deallocate() }

    private var bytes: UnsafeRawPointer { UnsafeRawPointer(state) }

    private var rows: Int { Int(bytes.field(0, UInt32.self)) }
    var left: Int { Int(bytes.field(4, UInt32.self)) }

    @inline(__always)
    func contains(_ index: Int) -> Bool {
        RemovedRows.contains(index, in: bytes)
    }

    /// Whether most of the pack is garbage.
    var isMostOfThem: Bool { 2 * left <= rows }

    /// One that is not among them.
    func insert(_ index: Int) {
        let place = RemovedRows.headBytes + index >> 3
        state.store(bytes.field(place, UInt8.self) | 1 << UInt8(index & 7), at: place)
        state.store(UInt32(left - 1), at: 4)
    }

    /// The bytes to be stored under a key.
    func sealed(_ key: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let checked = byteCount - CheckValue.size
        state.store(CheckValue.of(.packs, key, state, checked), at: checked)
        return UnsafeRawBufferPointer(start: state, count: byteCount)
    }

    // MARK: As stored

    @inline(__always)
    static func contains(_ index: Int, in stored: UnsafeRawPointer) -> Bool {
        stored.field(headBytes + index >> 3, UInt8.self) & 1 << UInt8(index & 7) != 0
    }

    /// Whether it is good, and says that most of its pack is garbage; false for a pack itself.
    static func isMostOfThem(
        _ stored: UnsafeRawBufferPointer, at key: UnsafeRawBufferPointer
    ) -> Bool {
        guard key.count > RecentRows.keyCount, stored.count >= headBytes,
            let at = stored.baseAddress
        else { return false }
        let (rows, left) = (Int(at.field(0, UInt32.self)), Int(at.field(4, UInt32.self)))
        return isGood(stored, at: key, rows: rows) && 2 * left <= rows
    }

    /// - Parameter rows: Of the pack.
    static func isGood(
        _ stored: UnsafeRawBufferPointer, at key: UnsafeRawBufferPointer, rows: Int
    ) -> Bool {
        guard let at = stored.baseAddress, stored.count == storedBytes(rows) else { return false }
        let checked = stored.count - CheckValue.size
        return Int(at.field(0, UInt32.self)) == rows
            && CheckValue.of(.packs, key, at, checked) == at.field(checked, UInt32.self)
    }

    private static func storedBytes(_ rows: Int) -> Int {
        headBytes + (rows + 63) / 64 * 8 + CheckValue.size
    }
}
