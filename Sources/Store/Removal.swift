/// Removes neighbouring rows of a table, every fourth of them in a second round.
///
/// LMDB keeps no page less than a quarter full: for each row that goes from such a page it takes one over from the
/// next. Removed in their order, most rows are moved to another page shortly before they go. Where all pages are
/// thinned out first, a few at a time are merged at the end instead.
struct Removal: ~Copyable {
    private let writer: RowStage
    private let view: RowView
    private let table: Table
    /// Of the second round.
    private var first = Key()
    private var left = 0
    private var neighbours = 0

    private static let leftOver = 4

    init(_ writer: RowStage, _ view: RowView, _ table: Table) {
        self.writer = writer
        self.view = view
        self.table = table
    }

    /// Removes the row that the cursor has found, now or in `finish`; the next step leads to the one behind it.
    mutating func remove(
        _ entry: RowCursor.Entry, at cursor: inout RowCursor
    ) throws(StoreError) {
        if cursor.isOnPage { neighbours += 1 }
        guard cursor.isOnPage, neighbours.isMultiple(of: Removal.leftOver) else {
            return try writer.delete(table, entry, at: &cursor, view)
        }
        if left == 0 { first = Key(entry.key) }
        left += 1
    }

    /// Removes what is left: before a row that stays, and at the end.
    /// - Returns: whether there was something, so that the cursor's next step leads to the row behind.
    @discardableResult
    mutating func finish(at cursor: inout RowCursor) throws(StoreError) -> Bool {
        neighbours = 0
        guard left > 0 else { return false }
        var found = try cursor.seek(first, .atOrAfter)
        while let entry = found {
            try writer.delete(table, entry, at: &cursor, view)
            left -= 1
            guard left > 0 else { break }
            found = try cursor.step(reverse: false)
        }
        return true
    }
}
