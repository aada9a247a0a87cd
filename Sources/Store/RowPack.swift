/// Neighbouring rows of the brief table as one value of LMDB, which costs it no more than one row of that length.
///
///     index: u32 number of rows   u64 key of each, big-endian   u32 end of each one's value   u32 check value
///     values, each with its check value
///     the index once more   u32 its length
///
/// Either index will do: damage to one of them, or to a row, leaves all others. Its place in table "packs" is the key
/// of its first row. It is always longer than what LMDB keeps in a leaf, so that its bytes stay where they are while
/// others come and go.
struct RowPack {
    /// Its place.
    let number: UInt64
    /// 0 when it went with its last row.
    private(set) var count: Int
    /// Whether rows of it are stored as removed.
    let hasRemoved: Bool
    /// Whether it is no longer known which: none, then, for a job that is run twice is better than one that is lost.
    let hasLostRemoved: Bool
    /// Which, in a snapshot.
    private let removed: UnsafeRawPointer?
    private let stored: UnsafeRawBufferPointer
    /// Of one that can't be read: where its place's bytes are.
    private let damagedKey: UnsafeRawBufferPointer?
    private let keys: UnsafeRawPointer
    private let ends: UnsafeRawPointer
    private let values: UnsafeRawPointer

    private static let fieldSize = MemoryLayout<UInt32>.size
    /// No pack is longer, whatever a damaged page says.
    private static let bytesMax = 64 << 10

    /// - Parameters:
    ///   - stored: What LMDB has at `key`. When neither index is good it is one row of that key, whose check value is
    ///     wrong.
    ///   - removed: What is stored behind it of its removed rows.
    ///   - isSnapshot: Whether what LMDB has stays where it is.
    init(
        _ stored: UnsafeRawBufferPointer, at key: UnsafeRawBufferPointer,
        removed: RowCursor.Entry?, isSnapshot: Bool
    ) {
        number = RecentRows.number(of: key).value
        self.stored = UnsafeRawBufferPointer(rebasing: stored.prefix(RowPack.bytesMax))
        guard let base = stored.baseAddress else { preconditionFailure("a pack has bytes") }
        let found = RowPack.index(of: stored, at: key)
        damagedKey = found == nil ? key : nil
        count = found?.count ?? 1
        keys = (found?.at ?? base) + RowPack.fieldSize
        ends = keys + count * RecentRows.keyCount
        values = base + RowPack.indexSize(count)
        let rows = count
        let good = removed.flatMap {
            RemovedRows.isGood($0.value, at: $0.key, rows: rows) ? $0.value.baseAddress : nil
        }
        hasRemoved = good != nil
        hasLostRemoved = removed != nil && good == nil && found != nil
        self.removed = isSnapshot ? good : nil
    }

    // MARK: Rows

    /// Whether a row is stored as removed: for snapshots only.
    @inline(__always)
    func isRemoved(_ index: Int) -> Bool {
        removed.map { RemovedRows.contains(index, in: $0) } ?? false
    }

    var isDamaged: Bool { damagedKey != nil }

    func key(_ index: Int) -> UInt64 {
        isDamaged
            ? number
            : UInt64(
                bigEndian: (keys + index * RecentRows.keyCount).loadUnaligned(as: UInt64.self))
    }

    var lastKey: UInt64 { key(count - 1) }

    @inline(__always)
    func entry(_ index: Int) -> RowCursor.Entry {
        if let damagedKey { return RowCursor.Entry(key: damagedKey, value: stored) }
        let start = index == 0 ? 0 : end(index - 1)
        return RowCursor.Entry(
            key: UnsafeRawBufferPointer(
                start: keys + index * RecentRows.keyCount, count: RecentRows.keyCount),
            value: UnsafeRawBufferPointer(start: values + start, count: end(index) - start))
    }

    /// The first row whose key is not before this one; `count` when there is none.
    func search(_ number: UInt64) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if key(middle) < number { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// As LMDB has it.
    var bytes: UnsafeRawBufferPointer { stored }

    /// It went with its last row: only its place is left.
    mutating func becomeEmpty() { count = 0 }

    private func end(_ index: Int) -> Int {
        Int((ends + index * RowPack.fieldSize).field(0, UInt32.self))
    }

    // MARK: Layout

    private static func indexSize(_ count: Int) -> Int { 2 * fieldSize + count * rowSize }

    /// Bytes of an index for each row.
    private static let rowSize = RecentRows.keyCount + fieldSize

    /// What a pack takes, with values of so many bytes.
    static func size(rows: Int, valueBytes: Int) -> Int {
        2 * indexSize(rows) + fieldSize + valueBytes
    }

    /// - Parameters:
    ///   - rows: At least one.
    ///   - at: As many bytes as `size` says.
    static func write(
        _ rows: ArraySlice<RowCursor.Entry>, valueBytes: Int, to at: UnsafeMutableRawPointer
    ) {
        let indexSize = indexSize(rows.count)
        let keys = at + fieldSize
        let ends = keys + rows.count * RecentRows.keyCount
        let values = at + indexSize
        at.store(UInt32(rows.count), at: 0)
        var end = 0
        for (index, row) in rows.enumerated() {
            copy(row.key, to: keys + index * RecentRows.keyCount)
            copy(row.value, to: values + end)
            end += row.value.count
            ends.store(UInt32(end), at: index * fieldSize)
        }
        let checked = indexSize - fieldSize
        let key = UnsafeRawBufferPointer(start: keys, count: RecentRows.keyCount)
        at.store(CheckValue.of(.packs, key, at, checked), at: checked)
        copy(UnsafeRawBufferPointer(start: at, count: indexSize), to: values + valueBytes)
        at.store(UInt32(indexSize), at: size(rows: rows.count, valueBytes: valueBytes) - fieldSize)
    }

    private static func copy(_ source: UnsafeRawBufferPointer, to at: UnsafeMutableRawPointer) {
        UnsafeMutableRawBufferPointer(start: at, count: source.count).copyMemory(from: source)
    }

    private static func index(
        of stored: UnsafeRawBufferPointer, at key: UnsafeRawBufferPointer
    ) -> (at: UnsafeRawPointer, count: Int)? {
        guard let base = stored.baseAddress, stored.count <= bytesMax,
            stored.count >= size(rows: 1, valueBytes: 0)
        else { return nil }
        if let count = rowCount(of: stored, at: key, indexAt: 0) { return (base, count) }
        let size = Int(base.field(stored.count - fieldSize, UInt32.self))
        let place = stored.count - fieldSize - size
        guard place >= 0, let count = rowCount(of: stored, at: key, indexAt: place),
            indexSize(count) == size
        else { return nil }
        return (base + place, count)
    }

    /// Nil when there is no good index at this place.
    private static func rowCount(
        of stored: UnsafeRawBufferPointer, at key: UnsafeRawBufferPointer, indexAt place: Int
    ) -> Int? {
        guard let at = stored.baseAddress.map({ $0 + place }) else { return nil }
        let count = Int(at.field(0, UInt32.self))
        guard count > 0, count <= (stored.count - place) / rowSize,
            place + indexSize(count) <= stored.count
        else { return nil }
        let checked = indexSize(count) - fieldSize
        guard CheckValue.of(.packs, key, at, checked) == at.field(checked, UInt32.self)
        else { return nil }
        let valueBytes = Int(at.field(checked - fieldSize, UInt32.self))
        return size(rows: count, valueBytes: valueBytes) == stored.count ? count : nil
    }

    /// Whether both indexes are good.
    var isWhole: Bool {
        let copy = stored.count - RowPack.fieldSize - RowPack.indexSize(count)
        guard !isDamaged, let base = stored.baseAddress else { return false }
        let key = UnsafeRawBufferPointer(start: keys, count: RecentRows.keyCount)
        return RowPack.rowCount(of: stored, at: key, indexAt: 0) == count
            && RowPack.rowCount(of: stored, at: key, indexAt: copy) == count
            && Int(base.field(stored.count - RowPack.fieldSize, UInt32.self))
                == RowPack.indexSize(count)
    }
}
