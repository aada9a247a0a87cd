import CLMDB
import Glibc

/// Rows of the brief table that stay longer than a checkpoint, packed: many as one value of table "packs". See
/// `RowPack`.
///
/// A row is in a pack, or by itself in its own table, or still in `RecentRows`. A pack is written once: what is removed
/// from it is noted here, and behind it at the next checkpoint. It goes with its last row, or when most of it is
/// garbage: what is left is packed anew then, a bounded part of it at each checkpoint.
///
/// Owned by the store, on the writer thread.
final class PackedRows {
    /// Bytes of LMDB's pages that a pack fills at most when it is new; a page, where those are larger.
    private static let bytesMax = 32 << 10
    /// LMDB's, at the begin of the first page.
    private static let pageHeaderBytes = 16
    /// Packs that a checkpoint packs anew at most, and such that it looks at whether they are to be.
    private static let renewalsMax = 128
    private static let looksMax = 1_024
    /// What is known of packs that were read, at most.
    private static let knownMax = 4_096

    /// Whether pages of LMDB are scarce: packs of one page each need none in a row.
    var isSparing = false
    private let table: Table
    unowned(unsafe) private let touchedBlocks: TouchedBlocks
    /// LMDB's: the system's.
    private var pageBytes = 4_096
    /// Rows that table "packs" has.
    private var count = 0
    /// Of packs that rows were removed from since the last checkpoint.
    private var touched: [UInt64: RemovedRows] = [:]
    /// Of others that were read, as they are stored.
    private var known: [UInt64: RemovedRows] = [:]
    /// What was asked about last, as neighbours mostly are.
    private var last: (number: UInt64, removed: RemovedRows?, isTouched: Bool)?
    /// The pack that was read last. Its bytes stay where they are until it goes or the transaction ends: LMDB writes
    /// no pages before, as long as there are fewer dirty ones than it has room for, a hundred times as many as a
    /// checkpoint waits for.
    private var opened: RowPack?
    private var gathered = Gathered()
    /// Where the next checkpoint goes on to look for packs that are mostly garbage.
    private var lookedTo: UInt64 = 0

    private struct Gathered {
        var rows: [RowCursor.Entry] = []
        var valueBytes = 0

        @inline(__always)
        mutating func append(_ row: RowCursor.Entry) {
            rows.append(row)
            valueBytes += row.value.count
        }
    }

    init(_ table: Table, _ touchedBlocks: TouchedBlocks) {
        self.table = table
        self.touchedBlocks = touchedBlocks
    }

    deinit { forgetAll() }

    /// A transaction of LMDB begins.
    func begin(_ view: RowView) {
        count = view.rowsOfPacks
        pageBytes = max(4_096, Int(view.packStatistics.ms_psize))
        opened = nil
    }

    // MARK: Reading

    var isEmpty: Bool { count == 0 }

    /// The pack that has a number's place, if it is the one that was read last.
    func opened(at number: UInt64) -> RowPack? {
        guard let opened, opened.number <= number, number <= opened.lastKey else { return nil }
        return opened
    }

    func noteOpened(_ pack: RowPack) { opened = pack }

    @inline(__always)
    func isRemoved(_ index: Int, of pack: RowPack, _ view: RowView) -> Bool {
        if let last, last.number == pack.number { return last.removed?.contains(index) == true }
        return removed(of: pack, view)?.contains(index) == true
    }

    private func removed(of pack: RowPack, _ view: RowView) -> RemovedRows? {
        if let last, last.number == pack.number { return last.removed }
        let changed = touched[pack.number]
        let found = changed ?? known[pack.number] ?? stored(of: pack, view)
        last = (pack.number, found, changed != nil)
        return found
    }

    private func stored(of pack: RowPack, _ view: RowView) -> RemovedRows? {
        guard pack.hasRemoved else { return nil }
        if known.count >= PackedRows.knownMax { forgetKnown() }
        let found = withRemovedKey(pack.number) { key in
            var keyValue = MDB_val(key)
            var value = MDB_val()
            guard mdb_get(view.transaction, view.handle(Table.packs.id), &keyValue, &value) == 0
            else { return nil as RemovedRows? }
            return RemovedRows(copying: UnsafeRawBufferPointer(value))
        }
        known[pack.number] = found
        return found
    }

    // MARK: Removing

    /// Removes a row that is there. Returns LMDB's error number, and whether the pack went with its last row.
    func remove(_ index: Int, of pack: RowPack, _ view: RowView) -> (error: Int32, isGone: Bool) {
        let removed = touch(pack, view)
        removed.insert(index)
        guard removed.left == 0 else { return (0, false) }
        return (delete(pack.number, view), true)
    }

    private func touch(_ pack: RowPack, _ view: RowView) -> RemovedRows {
        let before = removed(of: pack, view)
        if let before, last?.isTouched == true { return before }
        let removed = before ?? RemovedRows(of: pack.count)
        known[pack.number] = nil
        touched[pack.number] = removed
        last = (pack.number, removed, true)
        Key().adding(u64: pack.number).withBytes { touchedBlocks.touch(.packs, $0) }
        return removed
    }

    /// Removes a pack, and what is stored of its removed rows.
    private func delete(_ number: UInt64, _ view: RowView) -> Int32 {
        (opened, last) = (nil, nil)
        touched.removeValue(forKey: number)?.free()
        known.removeValue(forKey: number)?.free()
        let error = Key().adding(u64: number).withBytes { delete($0, view) }
        guard error == 0 else { return error }
        let behind = withRemovedKey(number) { delete($0, view) }
        return behind == MDB_NOTFOUND ? 0 : behind
    }

    private func delete(_ key: UnsafeRawBufferPointer, _ view: RowView) -> Int32 {
        var key = MDB_val(key)
        let error = mdb_del(view.transaction, view.handle(Table.packs.id), &key, nil)
        if error == 0 { count -= 1 }
        return error
    }

    private func withRemovedKey<R>(_ number: UInt64, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        Key().adding(u64: number).adding(u8: 0).withBytes(body)
    }

    private func forgetKnown() {
        last = nil
        for removed in known.values { removed.free() }
        known.removeAll(keepingCapacity: true)
    }

    private func forgetAll() {
        opened = nil
        forgetKnown()
        for removed in touched.values { removed.free() }
        touched.removeAll(keepingCapacity: true)
    }

    // MARK: Packing

    /// Bytes of a pack that fills so many pages.
    private func capacity(pages: Int) -> Int { pages * pageBytes - PackedRows.pageHeaderBytes }

    private var pagesMax: Int { isSparing ? 1 : max(1, PackedRows.bytesMax / pageBytes) }
    /// Rows with less to fill are by themselves: three quarters of a page.
    private var bytesMin: Int { pageBytes / 4 * 3 }
    /// A longer value is by itself: with these, no pack is so short that LMDB would keep it in a leaf.
    private var valueBytesMax: Int { pageBytes / 32 * 15 }

    /// Packs a row behind those that were given before it since the last `finish`; the bytes of all have to stay until
    /// then. Returns LMDB's error number.
    @inline(__always)
    func add(_ row: RowCursor.Entry, _ view: RowView) -> Int32 {
        guard row.value.count <= valueBytesMax else { return storeAlone(row, view) }
        let size = RowPack.size(
            rows: gathered.rows.count + 1, valueBytes: gathered.valueBytes + row.value.count)
        if size > capacity(pages: pagesMax) {
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
        assert(size > pageBytes / 2, "LMDB would keep it in a leaf")
        var key = MDB_val(first.key)
        var value = MDB_val(mv_size: size, mv_data: nil)
        let error = mdb_put(
            view.transaction, view.handle(Table.packs.id), &key, &value,
            UInt32(MDB_RESERVE | MDB_NOOVERWRITE))
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

    // MARK: At a checkpoint

    /// Stores what was removed, and packs anew what is left of packs that are mostly garbage. Returns LMDB's error
    /// number.
    func storeRemoved(_ view: RowView) -> Int32 {
        // Rows that are packed anew take pages before they give others back.
        var renewals = isSparing ? PackedRows.renewalsMax / 16 : PackedRows.renewalsMax
        for (number, removed) in touched.sorted(by: { $0.key < $1.key }) {
            var error = MDB_NOTFOUND
            if removed.isMostOfThem, renewals > 0 {
                error = renew(number, view)
                renewals -= 1
            }
            if error == MDB_NOTFOUND { error = store(removed, of: number, view) }
            guard error == 0 else { return error }
        }
        forgetAll()
        return renewOthers(renewals, view)
    }

    private func store(_ removed: RemovedRows, of number: UInt64, _ view: RowView) -> Int32 {
        withRemovedKey(number) { key in
            var keyValue = MDB_val(key)
            var value = MDB_val(removed.sealed(key))
            let handle = view.handle(Table.packs.id)
            var error = mdb_put(
                view.transaction, handle, &keyValue, &value, UInt32(MDB_NOOVERWRITE))
            if error == 0 { count += 1 }
            guard error == MDB_KEYEXIST else { return error }
            value = MDB_val(removed.sealed(key))
            error = mdb_put(view.transaction, handle, &keyValue, &value, 0)
            return error
        }
    }

    /// Those that other checkpoints had no time for.
    private func renewOthers(_ renewals: Int, _ view: RowView) -> Int32 {
        guard !isEmpty, renewals > 0 else { return 0 }
        for number in garbage(renewals, view) {
            let error = renew(number, view)
            guard error == 0 || error == MDB_NOTFOUND else { return error }
        }
        return 0
    }

    /// Packs that are mostly garbage, among the next few. Looks at none of their pages, which may be on the disk only.
    private func garbage(_ max: Int, _ view: RowView) -> [UInt64] {
        var found: [UInt64] = []
        do {
            var cursor = try RowCursor(view, .packs)
            var next = try cursor.seek(Key().adding(u64: lookedTo), .atOrAfter)
            for _ in 0..<PackedRows.looksMax where found.count < max {
                guard let entry = next else {
                    lookedTo = 0
                    break
                }
                let number = RecentRows.number(of: entry.key).value
                if RemovedRows.isMostOfThem(entry.value, at: entry.key) { found.append(number) }
                lookedTo = entry.key.count > RecentRows.keyCount ? number &+ 1 : number
                next = try cursor.step(reverse: false)
            }
        } catch {
            // Where something can't be read, no garbage is looked for.
            lookedTo = 0
        }
        return found
    }

    /// Packs anew what is left of a pack. Returns LMDB's error number: not found when it can't be read.
    func renew(_ number: UInt64, _ view: RowView) -> Int32 {
        let found: RowPack?
        do {
            found = try view.pack(.atOrBefore, number)
        } catch {
            return EIO
        }
        guard let pack = found, pack.number == number, !pack.isDamaged else {
            return MDB_NOTFOUND
        }
        let scratch = UnsafeMutableRawBufferPointer.allocate(
            byteCount: pack.bytes.count, alignment: 64)
        defer { scratch.deallocate() }
        var used = 0
        var left: [RowCursor.Entry] = []
        func keep(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
            let copy = UnsafeMutableRawBufferPointer(rebasing: scratch[used..<used + bytes.count])
            copy.copyMemory(from: bytes)
            used += bytes.count
            return UnsafeRawBufferPointer(copy)
        }
        for index in 0..<pack.count where !isRemoved(index, of: pack, view) {
            let row = pack.entry(index)
            guard !pack.hasLostRemoved || !view.isOnPage(table, row.key) else { continue }
            left.append(RowCursor.Entry(key: keep(row.key), value: keep(row.value)))
        }
        var error = delete(number, view)
        for row in left where error == 0 { error = add(row, view) }
        if error == 0 { error = finish(view) }
        if error != 0 { gathered = Gathered() }
        return error
    }

    /// Removes what there is of a pack without its place. Returns LMDB's error number.
    func clear(_ key: Key, _ view: RowView) -> Int32 { key.withBytes { delete($0, view) } }
}
