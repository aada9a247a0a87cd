import CLMDB

/// The newest rows of a table, in memory until the next checkpoint. What is removed by then never comes to LMDB, where
/// storing and removing it would cost several times as much, and what is not comes there in packs: see `PackedRows`.
/// The log has these rows as it has all others.
///
/// Every key in here is behind all of the table's keys in LMDB: a row comes here when its key is the largest that the
/// table has, and the oldest go to LMDB when room is needed, or when a row is to be put among them. So reading is
/// reading LMDB first and then this, and a key is looked for in one of both.
///
/// A handle, whose copies are the same rows until one of them frees it. Owned by the store, on the writer thread.
struct RecentRows {
    /// Number of a row, in the order of keys.
    typealias Number = Int

    private struct Row {
        var key: UInt64
        /// Where its key's bytes lie, with its value behind them.
        var place: Int
        /// Below 0: the row was removed.
        var valueCount: Int
    }

    private struct State {
        /// The oldest row; neither this nor the newest is a removed one.
        var first: Number = 0
        /// Behind the newest.
        var end: Number = 0
        /// Where the next row goes, ever farther: a byte is at its place modulo the capacity.
        var place = 0
        /// No key of the table is larger; nil: not known.
        var highest: UInt64?
        var spared = Spared()
    }

    /// What LMDB was spared since the last checkpoint, as far as it is: of what is logged, bytes and mutations.
    struct Spared {
        var bytes = 0
        var mutations = 0
    }

    let table: Table
    private let capacity: Int
    private let bytes: UnsafeMutableRawPointer
    private let rows: UnsafeMutablePointer<Row>
    private let rowsMax: Int
    private let state: UnsafeMutablePointer<State>

    static let keyCount = MemoryLayout<UInt64>.size
    /// Least that is moved to LMDB at a time, when room is needed.
    private static let partBytesMin = 8 << 10
    /// Room for as many rows as there would be if each had so many.
    private static let bytesOfRow = 64

    /// - Parameter capacity: bytes, a power of two, at least 4,096.
    init(_ table: Table, capacity: Int) {
        precondition(capacity >= 4_096 && capacity & (capacity - 1) == 0, "not a power of two")
        self.table = table
        self.capacity = capacity
        rowsMax = capacity / RecentRows.bytesOfRow
        bytes = .allocate(byteCount: capacity, alignment: 64)
        rows = .allocate(capacity: rowsMax)
        state = .allocate(capacity: 1)
        state.initialize(to: State())
    }

    func free() {
        bytes.deallocate()
        rows.deallocate()
        state.deallocate()
    }

    // MARK: Reading

    /// Whether a key, if the table has it, is in here.
    func covers(_ key: UnsafeRawBufferPointer) -> Bool {
        guard state.pointee.first < state.pointee.end else { return false }
        let (number, isWhole) = RecentRows.number(of: key)
        let first = row(state.pointee.first).key
        return first < number || first == number && isWhole
    }

    func find(_ key: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        number(ofRow: key).map { entry($0).value }
    }

    /// The first row that is there from a number on.
    @inline(__always)
    func next(_ number: Number) -> Number? {
        var number = max(number, state.pointee.first)
        while number < state.pointee.end {
            if isThere(number) { return number }
            number += 1
        }
        return nil
    }

    /// The last row that is there up to a number.
    func previous(_ number: Number) -> Number? {
        var number = min(number, state.pointee.end - 1)
        while number >= state.pointee.first {
            if isThere(number) { return number }
            number -= 1
        }
        return nil
    }

    /// The first row whose key is not before this one, whether it is there or was removed.
    func search(_ key: UnsafeRawBufferPointer) -> Number {
        let (number, _) = RecentRows.number(of: key)
        let isBehind = key.count > RecentRows.keyCount
        var (low, high) = (state.pointee.first, state.pointee.end)
        while low < high {
            let middle = (low + high) / 2
            let found = row(middle).key
            if found < number || found == number && isBehind {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }

    @inline(__always)
    func entry(_ number: Number) -> RowCursor.Entry {
        let row = row(number)
        let at = bytes(at: row.place)
        return RowCursor.Entry(
            key: UnsafeRawBufferPointer(start: at, count: RecentRows.keyCount),
            value: UnsafeRawBufferPointer(start: at + RecentRows.keyCount, count: row.valueCount))
    }

    var spared: Spared { state.pointee.spared }

    // MARK: Changes

    /// Takes a row, if its key is the table's largest.
    /// - Parameter bytes: its key, of eight bytes, and its value.
    /// - Returns: whether it did, and LMDB's error number where older rows had to go there.
    func take(_ bytes: UnsafeRawBufferPointer, _ view: RowView) -> (isTaken: Bool, error: Int32) {
        guard bytes.count <= capacity / 8 else { return (false, 0) }
        let (key, _) = RecentRows.number(of: bytes)
        guard isLargest(key, view) else { return (false, 0) }
        if !hasRoom(bytes.count, rows: 1) {
            let error = makeRoom(bytes.count, view)
            guard error == 0 else { return (false, error) }
        }
        let place = placeOfNext(bytes.count)
        copy(bytes, to: self.bytes(at: place))
        rows[state.pointee.end & (rowsMax - 1)] = Row(
            key: key, place: place, valueCount: bytes.count - RecentRows.keyCount)
        state.pointee.end += 1
        state.pointee.place = place + bytes.count
        state.pointee.highest = key
        state.pointee.spared.bytes += bytes.count
        state.pointee.spared.mutations += 1
        return (true, 0)
    }

    /// Puts another value in the place of a row's, if it is not longer.
    func replace(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool {
        guard let number = number(ofRow: key), value.count <= row(number).valueCount else {
            return false
        }
        rows[number & (rowsMax - 1)].valueCount = value.count
        copy(value, to: bytes(at: row(number).place) + RecentRows.keyCount)
        return true
    }

    /// False when there is no such row.
    func remove(_ key: UnsafeRawBufferPointer) -> Bool {
        guard let number = number(ofRow: key) else { return false }
        remove(number)
        return true
    }

    func remove(_ number: Number) {
        state.pointee.spared.mutations += 1
        rows[number & (rowsMax - 1)].valueCount = -1
        leaveRemoved()
    }

    /// A row of the table was put to LMDB.
    func noteStored(_ key: UnsafeRawBufferPointer) {
        guard let highest = state.pointee.highest else { return }
        state.pointee.highest = max(highest, RecentRows.number(of: key).value)
    }

    /// Moves the rows up to a key to LMDB. Returns LMDB's error number.
    func store(through key: UnsafeRawBufferPointer, _ view: RowView) -> Int32 {
        store(view) { covers(key) }
    }

    /// Moves all rows to LMDB, at a checkpoint. Returns LMDB's error number.
    func store(_ view: RowView) -> Int32 {
        let error = store(view) { true }
        state.pointee.spared = Spared()
        return error
    }

    // MARK: Inside

    /// The first eight bytes, and whether a key has so many.
    @inline(__always)
    static func number(
        of key: UnsafeRawBufferPointer
    ) -> (value: UInt64, isWhole: Bool) {
        guard key.count < keyCount else {
            return (UInt64(bigEndian: key.loadUnaligned(as: UInt64.self)), true)
        }
        let value = key.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return (value << UInt64(8 * (keyCount - key.count)), false)
    }

    private func row(_ number: Number) -> Row { rows[number & (rowsMax - 1)] }

    private func isThere(_ number: Number) -> Bool { row(number).valueCount >= 0 }

    private func bytes(at place: Int) -> UnsafeMutableRawPointer {
        bytes + (place & (capacity - 1))
    }

    private func copy(_ source: UnsafeRawBufferPointer, to at: UnsafeMutableRawPointer) {
        UnsafeMutableRawBufferPointer(start: at, count: source.count).copyMemory(from: source)
    }

    private func number(ofRow key: UnsafeRawBufferPointer) -> Number? {
        let number = search(key)
        guard key.count == RecentRows.keyCount, number < state.pointee.end, isThere(number),
            row(number).key == RecentRows.number(of: key).value
        else { return nil }
        return number
    }

    @inline(__always)
    private func isLargest(_ key: UInt64, _ view: RowView) -> Bool {
        if state.pointee.highest == nil {
            guard let last = view.lastKey(of: table), let lastPacked = view.lastPackedNumber
            else { return false }
            let number = last.withBytes { RecentRows.number(of: $0).value }
            state.pointee.highest = max(number, lastPacked)
        }
        return state.pointee.highest.map { $0 < key } ?? false
    }

    /// Rows lie in one piece each.
    private func placeOfNext(_ size: Int) -> Int {
        let place = state.pointee.place
        let rest = capacity - (place & (capacity - 1))
        return size <= rest ? place : place + rest
    }

    /// An eighth of all at a time, so that they make whole packs.
    private func makeRoom(_ size: Int, _ view: RowView) -> Int32 {
        let part = max(capacity / 8, min(capacity, RecentRows.partBytesMin))
        return store(view) { !hasRoom(size + part, rows: part / RecentRows.bytesOfRow) }
    }

    @inline(__always)
    private func hasRoom(_ size: Int, rows: Int) -> Bool {
        let (first, end) = (state.pointee.first, state.pointee.end)
        guard first < end else { return true }
        return end - first + rows <= rowsMax
            && placeOfNext(size) + size - row(first).place <= capacity
    }

    /// Moves rows to LMDB, the oldest first. Returns LMDB's error number.
    private func store(_ view: RowView, while isNeeded: () -> Bool) -> Int32 {
        guard let packed = view.packed else { preconditionFailure("not a snapshot") }
        while state.pointee.first < state.pointee.end, isNeeded() {
            let entry = entry(state.pointee.first)
            let error = packed.add(entry, view)
            guard error == 0 else { return error }
            state.pointee.spared.bytes -= entry.key.count + entry.value.count
            state.pointee.spared.mutations -= 1
            state.pointee.first += 1
            leaveRemoved()
        }
        return packed.finish(view)
    }

    @inline(__always)
    private func leaveRemoved() {
        while state.pointee.first < state.pointee.end, !isThere(state.pointee.first) {
            state.pointee.first += 1
        }
        while state.pointee.first < state.pointee.end, !isThere(state.pointee.end - 1) {
            state.pointee.end -= 1
        }
    }
}
