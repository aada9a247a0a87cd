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

/// Where a damaged row was found, and what is wrong with it.
package struct DamagedRow {
    package let key: [UInt8]
    package let error: StoreError
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
            var row = try RowReader(
                verifying: view.resolve(stored, table, key), table: table, key: key)
            view.beginReading()
            defer { view.endReading() }
            return try body(&row)
        }
    }

    package borrowing func contains(_ table: Table, _ key: Key) throws(StoreError) -> Bool {
        try raw(table, key) { _ in true } ?? false
    }

    /// The stored bytes as they are, check value and all: to set a damaged row aside. Of a long row whose file does not
    /// have it, the reference.
    package borrowing func raw(_ table: Table, _ key: Key) throws(StoreError) -> [UInt8]? {
        let view = self.view
        return try raw(table, key) { stored in
            key.withBytes { Array((try? view.resolve(stored, table, $0)) ?? stored) }
        }
    }

    /// Visits rows in key order from `start`, itself included, until `end`, itself excluded; in reverse
    /// the order is downwards and `end` is below.
    package borrowing func scan(
        _ table: Table, from start: Key, to end: Key? = nil, reverse: Bool = false,
        _ body: (inout KeyReader, inout RowReader) throws -> Scan
    ) throws {
        let view = self.view
        var cursor = try RowCursor(view, table)
        view.beginReading()
        defer { view.endReading() }
        var found = try cursor.seek(start, reverse ? .atOrBefore : .atOrAfter)
        while let entry = found {
            if let end, entry.isPast(end, reverse: reverse) { return }
            var key = KeyReader(entry.key, of: table)
            var row = try RowReader(of: entry, table, view)
            guard try body(&key, &row) == .next else { return }
            found = try cursor.step(reverse: reverse)
        }
    }

    /// Visits every good row of a table, or of a part of it, as `scan` does.
    /// - Returns: the others, with what is wrong with them.
    package borrowing func survey(
        _ table: Table, from start: Key = Key(), to end: Key? = nil,
        _ body: (inout KeyReader, inout RowReader) throws -> Void
    ) throws -> [DamagedRow] {
        let view = self.view
        var cursor = try RowCursor(view, table)
        view.beginReading()
        defer { view.endReading() }
        var damaged: [DamagedRow] = []
        var found = try cursor.seek(start, .atOrAfter)
        while let entry = found {
            if let end, entry.isPast(end, reverse: false) { break }
            do {
                var key = KeyReader(entry.key, of: table)
                var row = try RowReader(of: entry, table, view)
                try body(&key, &row)
            } catch let error as StoreError {
                guard case .damaged = error.code else { throw error }
                damaged.append(DamagedRow(key: Array(entry.key), error: error))
            }
            found = try cursor.step(reverse: false)
        }
        return damaged
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
        var cursor = try RowCursor(view, table)
        guard let entry = try cursor.seek(key, direction) else { return nil }
        view.beginReading()
        defer { view.endReading() }
        var keyReader = KeyReader(entry.key, of: table)
        var row = try RowReader(of: entry, table, view)
        return try body(&keyReader, &row)
    }

    private borrowing func raw<R>(
        _ table: Table, _ key: Key, _ body: (UnsafeRawBufferPointer) -> R
    ) throws(StoreError) -> R? {
        let view = self.view
        return try key.withBytes { key throws(StoreError) in try view.find(table, key).map(body) }
    }
}
