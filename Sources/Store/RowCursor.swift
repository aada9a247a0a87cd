import CLMDB

/// A place in a table.
struct RowCursor: ~Copyable {
    private let cursor: OpaquePointer
    private let table: Table
    private let recent: RecentRows?
    /// Of the recent row that it is at; nil while it is in LMDB.
    private var number: RecentRows.Number?

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
    }

    deinit { mdb_cursor_close(cursor) }

    mutating func seek(
        _ key: Key, _ direction: Direction
    ) throws(StoreError) -> Entry? {
        number = nil
        if let recent, key.withBytes({ recent.covers($0) }) {
            let found = key.withBytes { recent.search($0) }
            if direction == .atOrAfter { return enter(recent.next(found)) }
            let isThere = key.withBytes { recent.find($0) } != nil
            return enter(recent.previous(isThere ? found : found - 1))
        }
        let after = key.count == 0 ? try move(MDB_FIRST) : try move(MDB_SET_RANGE, key)
        guard direction == .atOrBefore else { return after ?? enter(recent?.next(0)) }
        guard let after else { return try move(MDB_LAST) }
        return key.withBytes { compare(after.key, $0) } == 0 ? after : try move(MDB_PREV)
    }

    mutating func step(reverse: Bool) throws(StoreError) -> Entry? {
        guard let recent else { return try move(reverse ? MDB_PREV : MDB_NEXT) }
        guard let number else {
            if reverse { return try move(MDB_PREV) }
            return try move(MDB_NEXT) ?? enter(recent.next(0))
        }
        if !reverse { return enter(recent.next(number + 1)) }
        if let previous = recent.previous(number - 1) { return enter(previous) }
        self.number = nil
        return try move(MDB_LAST)
    }

    /// Whether the row that was found last is one that LMDB does not have.
    var isInMemory: Bool { number != nil }

    /// Removes the row that was found last; the next step leads to the one behind it. Returns LMDB's error number.
    func delete() -> Int32 {
        guard let recent, let number else { return mdb_cursor_del(cursor, 0) }
        recent.remove(number)
        return 0
    }

    private mutating func enter(_ found: RecentRows.Number?) -> Entry? {
        guard let recent, let found else { return nil }
        number = found
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
