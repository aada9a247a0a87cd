import CLMDB
import Glibc

extension Table {
    /// Rows of the brief table, many in one: see `RowPack`; and which of them were removed: see `RemovedRows`.
    static let packs = Table(id: 254, name: "packs")
}

/// Reading packs.
extension RowView {
    enum PackPlace {
        case atOrBefore
        case atOrAfter
    }

    var packStatistics: MDB_stat {
        var stat = MDB_stat()
        mdb_stat(transaction, handle(Table.packs.id), &stat)
        return stat
    }

    /// Rows of table "packs".
    var rowsOfPacks: Int { max(0, packStatistics.ms_entries - 1) }

    var hasPacks: Bool { packed.map { !$0.isEmpty } ?? (rowsOfPacks > 0) }

    /// The pack at a place, or next to it; nil when there is none.
    func pack(_ place: PackPlace, _ number: UInt64) throws(StoreError) -> RowPack? {
        if place == .atOrBefore, let opened = packed?.opened(at: number) { return opened }
        var cursor: OpaquePointer?
        guard mdb_cursor_open(transaction, handle(Table.packs.id), &cursor) == 0 else {
            throw .system(ENOMEM, "reading table \(Table.packs.name)")
        }
        defer { mdb_cursor_close(cursor) }
        var value = MDB_val()
        var (error, key) = withUnsafeBytes(of: number.bigEndian) { bytes in
            var key = MDB_val(bytes)
            return (mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE), key)
        }
        var on = MDB_NEXT
        if place == .atOrBefore, error == MDB_NOTFOUND || error == 0 && !isAt(key, number) {
            on = MDB_PREV
            error = mdb_cursor_get(cursor, &key, &value, error == 0 ? MDB_PREV : MDB_LAST)
        }
        // What is stored of removed rows is behind their packs, and may have lost them.
        while error == 0, key.mv_size > RecentRows.keyCount {
            error = mdb_cursor_get(cursor, &key, &value, on)
        }
        if error == MDB_NOTFOUND { return nil }
        guard error == 0 else { throw .system(error, "reading table \(Table.packs.name)") }
        // The floor row is none.
        guard key.mv_size == RecentRows.keyCount else { return nil }
        let pack = RowPack(
            UnsafeRawBufferPointer(value), at: UnsafeRawBufferPointer(key),
            removed: try removed(behind: key, cursor), isSnapshot: packed == nil)
        if !pack.isDamaged { packed?.noteOpened(pack) }
        return pack
    }

    private func removed(
        behind key: MDB_val, _ cursor: OpaquePointer?
    ) throws(StoreError) -> RowCursor.Entry? {
        var found = MDB_val()
        var value = MDB_val()
        let error = mdb_cursor_get(cursor, &found, &value, MDB_NEXT)
        guard error == 0 || error == MDB_NOTFOUND else {
            throw .system(error, "reading table \(Table.packs.name)")
        }
        guard error == 0, found.mv_size == RecentRows.keyCount + 1,
            memcmp(found.mv_data, key.mv_data, RecentRows.keyCount) == 0
        else { return nil }
        return RowCursor.Entry(
            key: UnsafeRawBufferPointer(found), value: UnsafeRawBufferPointer(value))
    }

    private func isAt(_ key: MDB_val, _ number: UInt64) -> Bool {
        let bytes = UnsafeRawBufferPointer(key)
        return bytes.count == RecentRows.keyCount && RecentRows.number(of: bytes).value == number
    }

    @inline(__always)
    func isRemoved(_ index: Int, of pack: RowPack) -> Bool {
        guard let packed else { return pack.isRemoved(index) }
        return packed.isRemoved(index, of: pack, self)
    }

    /// Where a row of the brief table is in a pack; nil when it is in none.
    func packed(
        _ key: UnsafeRawBufferPointer
    ) throws(StoreError) -> (pack: RowPack, index: Int)? {
        guard key.count == RecentRows.keyCount, hasPacks else { return nil }
        let (number, _) = RecentRows.number(of: key)
        guard let pack = try pack(.atOrBefore, number) else { return nil }
        let index = pack.search(number)
        guard index < pack.count, pack.key(index) == number, !isRemoved(index, of: pack)
        else { return nil }
        return (pack, index)
    }

    /// Removes a row of the brief table from its pack. Returns LMDB's error number: not found when it is in none.
    func removeFromPack(_ key: UnsafeRawBufferPointer) -> Int32 {
        guard let packed else { return MDB_NOTFOUND }
        do {
            guard let (pack, index) = try self.packed(key), !pack.isDamaged
            else { return MDB_NOTFOUND }
            return packed.remove(index, of: pack, self).error
        } catch {
            return EIO
        }
    }

    /// The largest key of the packs' rows; 0 when there is none, nil when it can't be read.
    var lastPackedNumber: UInt64? {
        guard hasPacks else { return 0 }
        guard let pack = try? pack(.atOrBefore, .max), !pack.isDamaged else { return nil }
        return pack.lastKey
    }

    /// What is damaged beside the rows themselves.
    func packProblems() throws(StoreError) -> [PackProblem] {
        var cursor = try RowCursor(self, .packs)
        var found: [PackProblem] = []
        var last: UInt64?
        var next = try cursor.seek(Key(), .atOrAfter)
        while let entry = next {
            let number = RecentRows.number(of: entry.key).value
            if entry.key.count == RecentRows.keyCount {
                last = number
                if let pack = try pack(.atOrBefore, number) {
                    if !pack.isDamaged, !pack.isWhole { found.append(.index(number)) }
                    if pack.hasLostRemoved { found.append(.removed(number)) }
                }
            } else if number != last {
                found.append(.pack(Key(entry.key)))
            }
            next = try cursor.step(reverse: false)
        }
        return found
    }
}

/// Something damaged of a pack that no row says.
enum PackProblem {
    /// One of the indexes.
    case index(UInt64)
    /// What was removed from it.
    case removed(UInt64)
    /// The place: there is no pack before what is stored of one under this key.
    case pack(Key)

    var sentence: String {
        switch self {
        case .index(let number): "the pack of rows at \(number) has one good index of two"
        case .removed(let number):
            "the pack of rows at \(number) does not know which of them were removed"
        case .pack(let key): "rows are noted as removed from a pack that is not there, at \(key)"
        }
    }
}
