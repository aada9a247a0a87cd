/// The rows as the turn sees them, and the only way to change them.
///
/// It exists inside the closure of `Store.turn` only. Each change is made in LMDB's open transaction, or among the
/// rows that are not there yet, and recorded in the turn's log record.
package struct Transaction: ~Copyable, Rows {
    private let writer: RowStage
    package let view: RowView

    init(_ writer: RowStage, _ view: RowView) {
        self.writer = writer
        self.view = view
    }

    /// Stores a row, in place of the one that has the key. `ascending` says that the key is very likely
    /// the table's largest: appending is faster and leaves pages full.
    package borrowing func put(
        _ table: Table, _ key: Key, ascending: Bool = false,
        _ body: (inout RowWriter) throws -> Void
    ) throws {
        var row = begin(table, key)
        do {
            try body(&row)
        } catch {
            abandon()
            throw error
        }
        try finish(row, table, key, ascending)
    }

    /// Removes a row; false when there was none.
    package borrowing func delete(_ table: Table, _ key: Key) throws(StoreError) -> Bool {
        try writer.delete(table, key, view)
    }

    /// Removes a row that is to be set aside; returns its bytes as `raw` does. Where a pack that can't be read has this
    /// place, it is that which is removed, all of it, and not a row by itself.
    package borrowing func take(_ table: Table, _ key: Key) throws(StoreError) -> [UInt8]? {
        if table.isBrief, let pack = try writer.takeDamagedPack(key, view) { return pack }
        guard let bytes = try raw(table, key) else { return nil }
        _ = try delete(table, key)
        return bytes
    }

    /// Visits rows in key order from `start` to before `end`, and removes those of which `body` says so: neighbours
    /// are removed at half the price. The bytes of what is visited are valid in `body` only.
    package borrowing func sweep(
        _ table: Table, from start: Key, to end: Key,
        _ body: (inout KeyReader, inout RowReader) throws -> Sweep
    ) throws {
        try visit(table, from: start, to: end) { entry in try look(at: entry, table, body) }
    }

    /// Removes all rows from `start` to before `end`, unread.
    package borrowing func clear(_ table: Table, from start: Key, to end: Key) throws {
        try visit(table, from: start, to: end) { _ in .remove }
    }

    @inline(__always)
    private borrowing func visit(
        _ table: Table, from start: Key, to end: Key,
        _ decide: (RowCursor.Entry) throws -> Sweep
    ) throws {
        var cursor = try RowCursor(view, table)
        var removal = Removal(writer, view, table)
        do {
            var found = try cursor.seek(start, .atOrAfter)
            visits: while let entry = found, !entry.isPast(end, reverse: false) {
                switch try decide(entry) {
                case .remove: try removal.remove(entry, at: &cursor)
                case .keep:
                    if try removal.finish(at: &cursor) { _ = try cursor.step(reverse: false) }
                case .stop: break visits
                }
                found = try cursor.step(reverse: false)
            }
        } catch {
            if writer.failure == nil { try removal.finish(at: &cursor) }
            throw error
        }
        try removal.finish(at: &cursor)
    }

    /// Empties a part of the blob file that has most garbage, if the store is compacting, so that it can be
    /// removed: its rows are written anew, about `bytesMax` of them, and `recordsMax` are looked at.
    package borrowing func compact(bytesMax: Int, recordsMax: Int) throws(StoreError) {
        try writer.compact(bytesMax: bytesMax, recordsMax: recordsMax, view)
    }

    private borrowing func look(
        at entry: RowCursor.Entry, _ table: Table,
        _ body: (inout KeyReader, inout RowReader) throws -> Sweep
    ) throws -> Sweep {
        var row = try RowReader(of: entry, table, view)
        var key = KeyReader(entry.key, of: table)
        view.beginReading()
        defer { view.endReading() }
        return try body(&key, &row)
    }

    /// Rows that were changed since the last commit, and about how many bytes of the log and of blob files that
    /// will take.
    package var changedRows: Int { Int(writer.buffer.mutations) }
    package var changedBytes: Int { writer.byteCount }

    borrowing func begin(_ table: Table, _ key: Key) -> RowWriter {
        writer.begin(key)
    }

    borrowing func abandon() { writer.isWriting = false }

    borrowing func finish(
        _ row: borrowing RowWriter, _ table: Table, _ key: Key, _ ascending: Bool
    ) throws(StoreError) {
        try writer.finish(row, table, key, ascending, view)
    }
}

/// What becomes of a row that a sweep visits.
package enum Sweep: Sendable {
    case keep
    case remove
    /// Keep it, and go no further.
    case stop
}
