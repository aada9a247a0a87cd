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
        if place == .atOrBefore, error == MDB_NOTFOUND || error == 0 && !isAt(key, number) {
            error = mdb_cursor_get(
                cursor, &key, &value, error == 0 ? MDB_PREV : MDB_LAST)
            // What is stored of its removed rows is behind a pack.
            if error == 0, key.mv_size > RecentRows.keyCount {
                error = mdb_cursor_get(cursor, &key, &value, MDB_PREV)
            }
        }
        if error == MDB_NOTFOUND { return nil }
        guard error == 0 else { throw .system(error, "reading table \(Table.packs.name)") }
        // The floor row is none.
        guard key.mv_size == RecentRows.keyCount else { return nil }
        let pack = RowPack(
            UnsafeRawBufferPointer(value), at: UnsafeRawBufferPointer(key),
            removed: removed(behind: key, cursor), isSnapshot: packed == nil)
        if !pack.isDamaged { packed?.noteOpened(pack) }
        return pack
    }

    private func removed(behind key: MDB_val, _ cursor: OpaquePointer?) -> RowCursor.Entry? {
        var found = MDB_val()
        var value = MDB_val()
        guard mdb_cursor_get(cursor, &found, &value, MDB_NEXT) == 0,
            found.mv_size == RecentRows.keyCount + 1,
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
    /// - Parameter evenDamaged: whether a pack that can't be read, and was looked at, goes with the row of its place.
    func removeFromPack(_ key: UnsafeRawBufferPointer, evenDamaged: Bool) -> Int32 {
        guard let packed else { return MDB_NOTFOUND }
        do {
            guard let (pack, index) = try self.packed(key), evenDamaged || !pack.isDamaged
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

    /// What can be read, though something of it is damaged, a sentence each.
    func packProblems() throws(StoreError) -> [(number: UInt64, sentence: String)] {
        var found: [(number: UInt64, sentence: String)] = []
        var next = try pack(.atOrAfter, 0)
        while let pack = next {
            let name = "the pack of rows at \(pack.number)"
            if !pack.isDamaged, !pack.isWhole {
                found.append((pack.number, "\(name) has one good index of two"))
            }
            if pack.hasLostRemoved {
                found.append((pack.number, "\(name) does not know which of them were removed"))
            }
            guard pack.number < .max else { break }
            next = try self.pack(.atOrAfter, pack.number + 1)
        }
        return found
    }
}
