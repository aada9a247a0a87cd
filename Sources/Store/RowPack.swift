/// Neighbouring rows of the brief table as one value of LMDB, which costs it no more than one row of that length.
///
///     index: u32 number of rows   u64 key of each, big-endian   u32 end of each one's value   u32 check value
///     values, each with its check value
///     the index once more   u32 its length
///
/// Either index will do: damage to one of them, or to a row, leaves all others. Its place in table "packs" is a number
/// up to its first row's key. It is always longer than what LMDB keeps in a leaf, so that its bytes stay where they
/// are while others come and go.
struct RowPack {
    /// Its place.
    let number: UInt64
    private(set) var count: Int
    private let stored: UnsafeRawBufferPointer
    /// Of one that can't be read: where its place's bytes are.
    private let damagedKey: UnsafeRawBufferPointer?
    private let keys: UnsafeRawPointer
    private let ends: UnsafeRawPointer
    private let values: UnsafeRawPointer

    private static let fieldSize = MemoryLayout<UInt32>.size

    /// - Parameter stored: what LMDB has at `key`. When neither index is good it is one row of that key, whose check
    ///   value is wrong.
    init(_ stored: UnsafeRawBufferPointer, at key: UnsafeRawBufferPointer) {
        number = UInt64(bigEndian: key.loadUnaligned(as: UInt64.self))
        self.stored = stored
        guard let base = stored.baseAddress else { preconditionFailure("a pack has bytes") }
        let found = RowPack.index(of: stored, at: key)
        damagedKey = found == nil ? key : nil
        count = found?.count ?? 1
        keys = (found?.at ?? base) + RowPack.fieldSize
        ends = keys + count * RecentRows.keyCount
        values = base + RowPack.indexSize(count)
    }

    /// It went with its last row: only its place is left.
    mutating func leave() { count = 0 }

    var hasBothIndexes: Bool {
        let size = RowPack.indexSize(count)
        let copy = stored.count - RowPack.fieldSize - size
        return RowPack.rowCount(of: stored, ofIndexAt: 0) == count
            && RowPack.rowCount(of: stored, ofIndexAt: copy) == count
            && stored.baseAddress?.field(copy + size, UInt32.self) == UInt32(size)
    }

    // MARK: Rows

    var isDamaged: Bool { damagedKey != nil }

    func key(_ index: Int) -> UInt64 {
        isDamaged
            ? number
            : UInt64(
                bigEndian: (keys + index * RecentRows.keyCount).loadUnaligned(as: UInt64.self))
    }

    @inline(__always)
    func entry(_ index: Int) -> RowCursor.Entry {
        if let damagedKey { return RowCursor.Entry(key: damagedKey, value: stored) }
        let start = index == 0 ? 0 : end(index - 1)
        return RowCursor.Entry(
            key: UnsafeRawBufferPointer(
                start: keys + index * RecentRows.keyCount, count: RecentRows.keyCount),
            value: UnsafeRawBufferPointer(start: values + start, count: end(index) - start))
    }

    var lastKey: UInt64 { key(count - 1) }

    /// The first row whose key is not before this one; `count` when there is none.
    func search(_ number: UInt64) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if key(middle) < number { low = middle + 1 } else { high = middle }
        }
        return low
    }

    var byteCount: Int { stored.count }
    /// As LMDB has it.
    var bytes: UnsafeRawBufferPointer { stored }

    private func end(_ index: Int) -> Int {
        Int((ends + index * RowPack.fieldSize).field(0, UInt32.self))
    }

    // MARK: Layout

    private static func indexSize(_ count: Int) -> Int {
        2 * fieldSize + count * rowSize
    }

    /// Bytes of an index for each row.
    private static let rowSize = RecentRows.keyCount + fieldSize

    /// What a pack takes, with values of so many bytes.
    static func size(rows: Int, valueBytes: Int) -> Int {
        2 * indexSize(rows) + fieldSize + valueBytes
    }

    /// - Parameter at: as many bytes as `size` says.
    static func write(
        _ rows: some Collection<RowCursor.Entry>, valueBytes: Int, to at: UnsafeMutableRawPointer
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
        let check = crc32c(UnsafeRawBufferPointer(start: at, count: indexSize - fieldSize))
        at.store(~check, at: indexSize - fieldSize)
        copy(UnsafeRawBufferPointer(start: at, count: indexSize), to: values + valueBytes)
        at.store(UInt32(indexSize), at: size(rows: rows.count, valueBytes: valueBytes) - fieldSize)
    }

    private static func copy(_ source: UnsafeRawBufferPointer, to at: UnsafeMutableRawPointer) {
        UnsafeMutableRawBufferPointer(start: at, count: source.count).copyMemory(from: source)
    }

    private static func index(
        of stored: UnsafeRawBufferPointer, at key: UnsafeRawBufferPointer
    ) -> (at: UnsafeRawPointer, count: Int)? {
        guard let base = stored.baseAddress, stored.count >= size(rows: 1, valueBytes: 0)
        else { return nil }
        if let count = rowCount(of: stored, ofIndexAt: 0) { return (base, count) }
        let size = Int(base.field(stored.count - fieldSize, UInt32.self))
        let place = stored.count - fieldSize - size
        guard place >= 0, let count = rowCount(of: stored, ofIndexAt: place),
            indexSize(count) == size
        else { return nil }
        return (base + place, count)
    }

    /// Nil when there is no good index at this place.
    private static func rowCount(of stored: UnsafeRawBufferPointer, ofIndexAt place: Int) -> Int? {
        guard let at = stored.baseAddress.map({ $0 + place }) else { return nil }
        let count = Int(at.field(0, UInt32.self))
        guard count > 0, count <= (stored.count - place) / rowSize,
            place + indexSize(count) <= stored.count
        else { return nil }
        let checked = indexSize(count) - fieldSize
        let check = ~crc32c(UnsafeRawBufferPointer(start: at, count: checked))
        guard check == at.field(checked, UInt32.self) else { return nil }
        let valueBytes = Int(at.field(checked - fieldSize, UInt32.self))
        return size(rows: count, valueBytes: valueBytes) == stored.count ? count : nil
    }
}
