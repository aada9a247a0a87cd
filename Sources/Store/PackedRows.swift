import CLMDB
import Glibc

/// Rows of the brief table that stay longer than a checkpoint, packed: many as one value of table "packs". See
/// `RowPack`.
///
/// A row is in a pack, or by itself in its own table, or still in `RecentRows`. Packs are never changed between
/// checkpoints: what is removed from one is remembered here. The next checkpoint packs anew what is left of it, a page
/// at a time, so that other rows of a place where rows go one by one cost a page then, as they would by themselves.
///
/// Owned by the store, on the writer thread.
final class PackedRows {
    /// Bytes of LMDB's pages that a pack fills when it is new; a page, where those are larger.
    static let bytesMax = 32 << 10
    /// LMDB's, at the begin of the first page.
    private static let pageHeaderBytes = 16

    /// LMDB's: the system's.
    private var pageBytes = 4_096
    /// Packs that LMDB has.
    private(set) var count = 0
    /// Pages of packs that are not whole any more, which the checkpoint writes anew at most.
    private(set) var pagesTouched = 0
    private let table: Table
    private var touched: [UInt64: RemovedRows] = [:]
    /// What was asked about last, as neighbours mostly are.
    private var last: (number: UInt64, removed: RemovedRows?)?
    /// The pack that was read last.
    private var opened: RowPack?
    private var gathered = Gathered()

    private struct Gathered {
        var rows: [RowCursor.Entry] = []
        var valueBytes = 0

        @inline(__always)
        mutating func append(_ row: RowCursor.Entry) {
            rows.append(row)
            valueBytes += row.value.count
        }
    }

    init(_ table: Table) { self.table = table }

    deinit { for removed in touched.values { removed.free() } }

    /// A transaction of LMDB begins.
    func begin(_ view: RowView) {
        count = view.packCount
        pageBytes = view.pageBytes
        opened = nil
    }

    // MARK: Reading

    /// The pack at a place or before it, if it is the one that was read last.
    func opened(_ number: UInt64) -> RowPack? {
        guard let opened, opened.number <= number, number <= opened.lastKey else { return nil }
        return opened
    }

    func open(_ pack: RowPack) { opened = pack }

    /// The packs of which one index is damaged.
    func withoutAnIndex(_ view: RowView) throws(StoreError) -> [RowPack] {
        var found: [RowPack] = []
        var next = try view.pack(.atOrBefore, 0)
        if next == nil { next = try view.pack(.after, 0) }
        while let pack = next {
            if !pack.isDamaged, !pack.hasBothIndexes { found.append(pack) }
            next = try view.pack(.after, pack.number)
        }
        return found
    }

    /// Has these packed anew with the next checkpoint.
    func renew(_ packs: [RowPack]) {
        for pack in packs where touched[pack.number] == nil { _ = touch(pack) }
    }

    // MARK: Removing

    func isRemoved(_ index: Int, of pack: RowPack) -> Bool {
        pagesTouched > 0 && removed(of: pack)?.contains(index) == true
    }

    /// Removes a row that is there. Returns LMDB's error number, and whether the pack went with its last row.
    func remove(_ index: Int, of pack: RowPack, _ view: RowView) -> (error: Int32, isGone: Bool) {
        let removed = removed(of: pack) ?? touch(pack)
        removed.insert(index)
        guard removed.left == 0 else { return (0, false) }
        forget(pack.number)
        return (delete(pack.number, view), true)
    }

    private func removed(of pack: RowPack) -> RemovedRows? {
        if let last, last.number == pack.number { return last.removed }
        let found = touched[pack.number]
        last = (pack.number, found)
        return found
    }

    private func touch(_ pack: RowPack) -> RemovedRows {
        let bytes = PackedRows.pageHeaderBytes + pack.byteCount
        let removed = RemovedRows(pack, pages: (bytes + pageBytes - 1) / pageBytes)
        touched[pack.number] = removed
        last = (pack.number, removed)
        pagesTouched += removed.pages
        return removed
    }

    private func forget(_ number: UInt64) {
        last = nil
        guard let removed = touched.removeValue(forKey: number) else { return }
        pagesTouched -= removed.pages
        removed.free()
    }

    private func delete(_ number: UInt64, _ view: RowView) -> Int32 {
        count -= 1
        opened = nil
        return Key().adding(u64: number).withBytes { key in
            var key = MDB_val(key)
            return mdb_del(view.transaction, view.handle(Table.packs.id), &key, nil)
        }
    }

    // MARK: Packing

    /// Bytes of a pack that fills so many pages.
    private func capacity(pages: Int) -> Int { pages * pageBytes - PackedRows.pageHeaderBytes }

    /// Rows with less to fill are by themselves: three quarters of a page.
    private var bytesMin: Int { pageBytes / 4 * 3 }
    /// A longer value is by itself: with these, no pack is so short that LMDB would keep it in a leaf.
    private var valueBytesMax: Int { pageBytes / 32 * 15 }

    /// Packs a row behind those that were given before it since the last `finish`; the bytes of all have to stay until
    /// then. Returns LMDB's error number.
    func add(_ row: RowCursor.Entry, _ view: RowView) -> Int32 {
        add(row, pages: max(1, PackedRows.bytesMax / pageBytes), view)
    }

    @inline(__always)
    private func add(_ row: RowCursor.Entry, pages: Int, _ view: RowView) -> Int32 {
        guard row.value.count <= valueBytesMax else { return storeAlone(row, view) }
        let size = RowPack.size(
            rows: gathered.rows.count + 1, valueBytes: gathered.valueBytes + row.value.count)
        if size > capacity(pages: pages) {
            let error = pack(gathered.rows.count, view)
            guard error == 0 else { return error }
        }
        gathered.append(row)
        return 0
    }

    /// Stores those that were given, in whole pages as far as they go.
    func finish(_ view: RowView) -> Int32 {
        while true {
            let size = RowPack.size(rows: gathered.rows.count, valueBytes: gathered.valueBytes)
            guard size >= bytesMin else { break }
            let pages = max(1, size / pageBytes)
            let error = pack(rows(of: capacity(pages: pages)), view)
            guard error == 0 else { return error }
        }
        for row in gathered.rows {
            let error = storeAlone(row, view)
            guard error == 0 else { return error }
        }
        gathered.rows.removeAll(keepingCapacity: true)
        gathered.valueBytes = 0
        return 0
    }

    /// How many of the first rows fill a pack of this size.
    private func rows(of capacity: Int) -> Int {
        var valueBytes = 0
        for (index, row) in gathered.rows.enumerated() {
            valueBytes += row.value.count
            if RowPack.size(rows: index + 1, valueBytes: valueBytes) > capacity { return index }
        }
        return gathered.rows.count
    }

    private func pack(_ rows: Int, _ view: RowView) -> Int32 {
        let packed = gathered.rows[..<rows]
        let valueBytes = packed.reduce(0) { $0 + $1.value.count }
        let size = RowPack.size(rows: rows, valueBytes: valueBytes)
        guard let first = packed.first else { return 0 }
        var key = MDB_val(first.key)
        var value = MDB_val(mv_size: size, mv_data: nil)
        let error = mdb_put(
            view.transaction, view.handle(Table.packs.id), &key, &value, UInt32(MDB_RESERVE))
        guard error == 0, let at = value.mv_data else { return error }
        RowPack.write(packed, valueBytes: valueBytes, to: at)
        gathered.rows.removeFirst(rows)
        gathered.valueBytes -= valueBytes
        count += 1
        return 0
    }

    private func storeAlone(_ row: RowCursor.Entry, _ view: RowView) -> Int32 {
        var key = MDB_val(row.key)
        var value = MDB_val(row.value)
        return mdb_put(view.transaction, view.handle(table.id), &key, &value, 0)
    }

    /// Packs anew what is left of packs from which rows were removed, at a checkpoint. Returns LMDB's error number.
    func packTouched(_ view: RowView) -> Int32 {
        for number in touched.keys.sorted() {
            let error = packAnew(number, view)
            guard error == 0 else { return error }
        }
        for number in touched.keys { forget(number) }
        return 0
    }

    private func packAnew(_ number: UInt64, _ view: RowView) -> Int32 {
        guard let pack = try? view.pack(.atOrBefore, number), pack.number == number
        else { return MDB_CORRUPTED }
        let scratch = UnsafeMutableRawBufferPointer.allocate(
            byteCount: pack.byteCount, alignment: 64)
        defer { scratch.deallocate() }
        var used = 0
        var left: [RowCursor.Entry] = []
        func keep(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
            let copy = UnsafeMutableRawBufferPointer(rebasing: scratch[used..<used + bytes.count])
            copy.copyMemory(from: bytes)
            used += bytes.count
            return UnsafeRawBufferPointer(copy)
        }
        for index in 0..<pack.count where !isRemoved(index, of: pack) {
            let row = pack.entry(index)
            left.append(RowCursor.Entry(key: keep(row.key), value: keep(row.value)))
        }
        var error = delete(number, view)
        for row in left where error == 0 { error = add(row, pages: 1, view) }
        return error == 0 ? finish(view) : error
    }
}

// MARK: - Reading

extension Table {
    /// Rows of the brief table, many in one: see `RowPack`.
    static let packs = Table(id: 254, name: "packs")
}

extension RowView {
    enum PackPlace {
        case atOrBefore
        case after
    }

    /// As LMDB counts them.
    var packCount: Int { max(0, packStatistics.ms_entries - 1) }
    var pageBytes: Int { Int(packStatistics.ms_psize) }

    private var packStatistics: MDB_stat {
        var stat = MDB_stat()
        mdb_stat(transaction, handle(Table.packs.id), &stat)
        return stat
    }

    var hasPacks: Bool { (packed?.count ?? packCount) > 0 }

    /// The largest key of the packs' rows; 0 when there is none, nil when it can't be read.
    var lastPackedNumber: UInt64? {
        guard hasPacks else { return 0 }
        guard let pack = try? pack(.atOrBefore, .max), !pack.isDamaged else { return nil }
        return pack.lastKey
    }

    /// The pack at a place, or next to it; nil when there is none.
    func pack(_ place: PackPlace, _ number: UInt64) throws(StoreError) -> RowPack? {
        if place == .atOrBefore, let opened = packed?.opened(number) { return opened }
        guard place == .atOrBefore || number < .max else { return nil }
        var cursor: OpaquePointer?
        guard mdb_cursor_open(transaction, handle(Table.packs.id), &cursor) == 0 else {
            throw .system(ENOMEM, "reading table \(Table.packs.name)")
        }
        defer { mdb_cursor_close(cursor) }
        var value = MDB_val()
        let sought = place == .after ? number + 1 : number
        var (error, key) = withUnsafeBytes(of: sought.bigEndian) { bytes in
            var key = MDB_val(bytes)
            return (mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE), key)
        }
        if place == .atOrBefore, error == MDB_NOTFOUND || error == 0 && !isAt(key, sought) {
            let previous = error == 0 ? MDB_PREV : MDB_LAST
            error = mdb_cursor_get(cursor, &key, &value, previous)
        }
        if error == MDB_NOTFOUND { return nil }
        guard error == 0 else { throw .system(error, "reading table \(Table.packs.name)") }
        // The floor row is none.
        guard key.mv_size == RecentRows.keyCount else { return nil }
        let pack = RowPack(UnsafeRawBufferPointer(value), at: UnsafeRawBufferPointer(key))
        if !pack.isDamaged { packed?.open(pack) }
        return pack
    }

    private func isAt(_ key: MDB_val, _ number: UInt64) -> Bool {
        key.mv_size == RecentRows.keyCount
            && UInt64(bigEndian: key.mv_data.loadUnaligned(as: UInt64.self)) == number
    }

    /// Removes a row of the brief table from its pack. Returns LMDB's error number: not found when it is in none.
    func removeFromPack(_ key: UnsafeRawBufferPointer) -> Int32 {
        guard let packed else { return MDB_NOTFOUND }
        do {
            guard let (pack, index) = try self.packed(key) else { return MDB_NOTFOUND }
            return packed.remove(index, of: pack, self).error
        } catch {
            return EIO
        }
    }

    func isRemoved(_ index: Int, of pack: RowPack) -> Bool {
        packed?.isRemoved(index, of: pack) == true
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
}
