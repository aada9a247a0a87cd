import CLMDB

/// Reading rows: what a transaction and a snapshot have in common.
///
/// A row is read in place, inside the closure it is passed to; nothing read may be kept without a copy,
/// and in a transaction nothing may be written while a row is being read.
package protocol Rows: ~Copyable {
    /// LMDB's side of it; for the functions below only.
    var view: RowView { get }
}

/// What a scan does after a row.
package enum Scan: Sendable {
    case next
    case stop
}

extension Rows where Self: ~Copyable {
    /// The row of a key, checked; nil when there is none. Throws `damaged` for a row whose check value is
    /// wrong.
    package borrowing func get<R>(
        _ table: Table, _ key: Key, _ body: (inout RowReader) throws -> R
    ) throws -> R? {
        let view = self.view
        return try key.withBytes { key in
            guard let stored = try view.find(table, key) else { return nil }
            var row = try RowReader(verifying: stored, table: table, key: key)
            view.beginReading()
            defer { view.endReading() }
            return try body(&row)
        }
    }

    package borrowing func contains(_ table: Table, _ key: Key) throws(StoreError) -> Bool {
        try raw(table, key) { _ in true } ?? false
    }

    /// The stored bytes as they are, check value and all: to set a damaged row aside.
    package borrowing func raw(_ table: Table, _ key: Key) throws(StoreError) -> [UInt8]? {
        try raw(table, key) { Array($0) }
    }

    /// Visits rows in key order from `start`, itself included, until `end`, itself excluded; in reverse
    /// the order is downwards and `end` is below.
    package borrowing func scan(
        _ table: Table, from start: Key, to end: Key? = nil, reverse: Bool = false,
        _ body: (inout KeyReader, inout RowReader) throws -> Scan
    ) throws {
        let view = self.view
        let cursor = try RowCursor(view, table)
        view.beginReading()
        defer { view.endReading() }
        var found = try cursor.seek(start, reverse ? .atOrBefore : .atOrAfter)
        while let entry = found {
            if let end, entry.isPast(end, reverse: reverse) { return }
            var key = KeyReader(entry.key, of: table)
            var row = try RowReader(verifying: entry.value, table: table, key: entry.key)
            guard try body(&key, &row) == .next else { return }
            found = try cursor.step(reverse: reverse)
        }
    }

    /// The first row at or after a key; nil when there is none.
    package borrowing func first<R>(
        _ table: Table, atOrAfter key: Key,
        _ body: (inout KeyReader, inout RowReader) throws -> R
    ) throws -> R? {
        try nearest(table, key, .atOrAfter, body)
    }

    /// The last row at or before a key; nil when there is none.
    package borrowing func last<R>(
        _ table: Table, atOrBefore key: Key,
        _ body: (inout KeyReader, inout RowReader) throws -> R
    ) throws -> R? {
        try nearest(table, key, .atOrBefore, body)
    }

    borrowing func nearest<R>(
        _ table: Table, _ key: Key, _ direction: RowCursor.Direction,
        _ body: (inout KeyReader, inout RowReader) throws -> R
    ) throws -> R? {
        let view = self.view
        let cursor = try RowCursor(view, table)
        guard let entry = try cursor.seek(key, direction) else { return nil }
        view.beginReading()
        defer { view.endReading() }
        var keyReader = KeyReader(entry.key, of: table)
        var row = try RowReader(verifying: entry.value, table: table, key: entry.key)
        return try body(&keyReader, &row)
    }

    private borrowing func raw<R>(
        _ table: Table, _ key: Key, _ body: (UnsafeRawBufferPointer) -> R
    ) throws(StoreError) -> R? {
        let view = self.view
        return try key.withBytes { key throws(StoreError) in try view.find(table, key).map(body) }
    }
}

/// A view of the rows: LMDB's transaction and handles.
package struct RowView {
    let transaction: OpaquePointer
    let environment: Environment
    /// Rows being read in the write transaction: none may be written meanwhile. nil in a snapshot.
    private let reading: UnsafeMutablePointer<Int>?

    init(
        _ transaction: OpaquePointer, _ environment: Environment,
        reading: UnsafeMutablePointer<Int>? = nil
    ) {
        self.transaction = transaction
        self.environment = environment
        self.reading = reading
    }

    func beginReading() { reading?.pointee += 1 }
    func endReading() { reading?.pointee -= 1 }

    func find(
        _ table: Table, _ key: UnsafeRawBufferPointer
    ) throws(StoreError) -> UnsafeRawBufferPointer? {
        guard key.count > 0 else { return nil }
        var keyValue = MDB_val(key)
        var value = MDB_val()
        let error = mdb_get(transaction, environment.handle(table.id), &keyValue, &value)
        if error == MDB_NOTFOUND { return nil }
        guard error == 0 else { throw .system(error, "reading table \(table.name)") }
        return UnsafeRawBufferPointer(value)
    }
}

/// A place in a table.
struct RowCursor: ~Copyable {
    private let cursor: OpaquePointer
    private let table: Table

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
        let error = mdb_cursor_open(view.transaction, view.environment.handle(table.id), &cursor)
        guard error == 0, let cursor else { throw .system(error, "reading table \(table.name)") }
        self.cursor = cursor
        self.table = table
    }

    deinit { mdb_cursor_close(cursor) }

    func seek(
        _ key: Key, _ direction: Direction
    ) throws(StoreError) -> Entry? {
        let after = key.count == 0 ? try move(MDB_FIRST) : try move(MDB_SET_RANGE, key)
        guard direction == .atOrBefore else { return after }
        guard let after else { return try move(MDB_LAST) }
        return key.withBytes { compare(after.key, $0) } == 0 ? after : try move(MDB_PREV)
    }

    func step(reverse: Bool) throws(StoreError) -> Entry? {
        try move(reverse ? MDB_PREV : MDB_NEXT)
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
        return Entry(key: UnsafeRawBufferPointer(found), value: UnsafeRawBufferPointer(value))
    }
}

extension MDB_val {
    init(_ bytes: UnsafeRawBufferPointer) {
        self.init(
            mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }
}

extension UnsafeRawBufferPointer {
    init(_ value: MDB_val) { self.init(start: value.mv_data, count: value.mv_size) }
}
