/// The rows as the turn sees them, and the only way to change them.
///
/// It exists inside the closure of `Store.turn` only. Each change is made in LMDB's open transaction and
/// recorded in the turn's log record.
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

    borrowing func begin(_ table: Table, _ key: Key) -> RowWriter {
        writer.begin(key)
    }

    borrowing func abandon() { writer.isWriting = false }

    borrowing func finish(
        _ row: borrowing RowWriter, _ table: Table, _ key: Key, _ ascending: Bool
    ) throws(StoreError) {
        try writer.finish(row.count, table, key, ascending, view)
    }
}
