import CLMDB

/// A place in a table.
struct RowCursor: ~Copyable {
    private let cursor: OpaquePointer
    private let table: Table
    /// Among rows that are in packs; nil where the table has none.
    private var packs: PackCursor?
    private let recent: RecentRows?
    private var source = Source.page

    /// Where the row is that was found last.
    private enum Source {
        /// By itself on a page of LMDB.
        case page
        case pack
        /// On a page, and once more in a pack that does not know that it was removed there.
        case both
        case memory(RecentRows.Number)
    }

    /// Of a table with packs: the rows nearest to the one that was found last, or that one, in LMDB and in packs.
    private var found: (page: Entry?, pack: Entry?)

    enum Direction {
        case atOrAfter
        case atOrBefore
    }

    struct Entry {
        let key: UnsafeRawBufferPointer
        let value: UnsafeRawBufferPointer

        func isPast(_ end: Key, reverse: Bool) -> Bool {
            let order = end.withBytes { compare(key, $0) }
            return reverse ? order <= 0 : order >= 0
        }
    }

    init(_ view: RowView, _ table: Table) throws(StoreError) {
        var cursor: OpaquePointer?
        let error = mdb_cursor_open(view.transaction, view.handle(table.id), &cursor)
        guard error == 0, let cursor else { throw .system(error, "reading table \(table.name)") }
        self.cursor = cursor
        self.table = table
        recent = view.recent(of: table)
        packs = table.isBrief && view.hasPacks ? PackCursor(view) : nil
    }

    deinit { mdb_cursor_close(cursor) }

    mutating func seek(
        _ key: Key, _ direction: Direction
    ) throws(StoreError) -> Entry? {
        let isReverse = direction == .atOrBefore
        if let recent, key.withBytes({ recent.covers($0) }) {
            let found = key.withBytes { recent.search($0) }
            guard isReverse else { return enter(recent.next(found)) }
            let isThere = key.withBytes { recent.find($0) } != nil
            return enter(recent.previous(isThere ? found : found - 1))
        }
        found.page = try seekPage(key, direction)
        found.pack = try key.withBytes { key throws(StoreError) in
            try packs?.seek(key, direction)
        }
        return nearest(isReverse) ?? (isReverse ? nil : enter(recent?.next(0)))
    }

    private func seekPage(_ key: Key, _ direction: Direction) throws(StoreError) -> Entry? {
        let after = key.count == 0 ? try move(MDB_FIRST) : try move(MDB_SET_RANGE, key)
        guard direction == .atOrBefore else { return after }
        guard let after else { return try move(MDB_LAST) }
        return key.withBytes { compare(after.key, $0) } == 0 ? after : try move(MDB_PREV)
    }

    /// The next row in the direction of the search before.
    mutating func step(reverse: Bool) throws(StoreError) -> Entry? {
        if case .memory(let number) = source, let recent {
            if !reverse { return enter(recent.next(number + 1)) }
            if let previous = recent.previous(number - 1) { return enter(previous) }
            found.page = try move(MDB_LAST)
            found.pack = try packs?.last()
            return nearest(reverse)
        }
        switch source {
        case .pack: found.pack = try packs?.step(reverse: reverse)
        case .both:
            found.pack = try packs?.step(reverse: reverse)
            found.page = try move(reverse ? MDB_PREV : MDB_NEXT)
        case .page, .memory: found.page = try move(reverse ? MDB_PREV : MDB_NEXT)
        }
        return nearest(reverse) ?? (reverse ? nil : enter(recent?.next(0)))
    }

    /// The nearer of the row by itself and the one in a pack.
    private mutating func nearest(_ reverse: Bool) -> Entry? {
        guard let pack = found.pack else {
            source = .page
            return found.page
        }
        guard let page = found.page else {
            source = .pack
            return pack
        }
        let order = compare(page.key, pack.key)
        guard order != 0 else {
            source = packs?.isDamaged == true ? .page : .both
            return page
        }
        let isPage = (order < 0) != reverse
        source = isPage ? .page : .pack
        return isPage ? page : pack
    }

    /// Whether the row that was found last is on a page of LMDB by itself.
    var isOnPage: Bool {
        switch source {
        case .page, .both: true
        case .pack, .memory: false
        }
    }

    /// Removes the row that was found last; the next step leads to the one behind it. Returns LMDB's error number.
    mutating func delete() -> Int32 {
        switch source {
        case .page: return mdb_cursor_del(cursor, 0)
        case .pack: return packs?.delete() ?? 0
        case .both:
            let error = packs?.delete() ?? 0
            return error == 0 ? mdb_cursor_del(cursor, 0) : error
        case .memory(let number):
            recent?.remove(number)
            return 0
        }
    }

    @inline(__always)
    private mutating func enter(_ found: RecentRows.Number?) -> Entry? {
        guard let recent, let found else { return nil }
        source = .memory(found)
        return recent.entry(found)
    }

    private func move(_ operation: MDB_cursor_op, _ key: Key? = nil) throws(StoreError) -> Entry? {
        var found = MDB_val()
        var value = MDB_val()
        let error: Int32
        if let key {
            error = key.withBytes {
                found = MDB_val($0)
                return mdb_cursor_get(cursor, &found, &value, operation)
            }
        } else {
            error = mdb_cursor_get(cursor, &found, &value, operation)
        }
        if error == MDB_NOTFOUND { return nil }
        guard error == 0 else { throw .system(error, "reading table \(table.name)") }
        let entry = Entry(key: UnsafeRawBufferPointer(found), value: UnsafeRawBufferPointer(value))
        if FloorRow.isAt(entry.key) {
            let isBackward = operation == MDB_PREV || operation == MDB_LAST
            return isBackward ? nil : try move(MDB_NEXT)
        }
        guard entry.key.count <= Key.capacity else {
            let known = UnsafeRawBufferPointer(rebasing: entry.key[..<Key.capacity])
            throw .damaged(table, known, "its key is too long")
        }
        return entry
    }
}
