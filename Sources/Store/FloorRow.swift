import CLMDB

/// A row before all others in every table, so that none is ever empty.
///
/// The page of a table that loses its last row can't be used again before the next checkpoint, though it was made
/// after the last one: of jobs that come one by one and are done at once, each would leave three pages to be written.
/// Rows are found through `RowCursor` and by their keys, and so never this one.
enum FloorRow {
    private static let key: StaticString = "\0"

    static func isAt(_ key: UnsafeRawBufferPointer) -> Bool { key.count == 1 && key[0] == 0 }

    /// Puts it there if it is not; returns LMDB's error number.
    static func put(_ handle: UInt32, _ transaction: OpaquePointer) -> Int32 {
        var key = MDB_val(UnsafeRawBufferPointer(start: key.utf8Start, count: 1))
        var nothing = MDB_val()
        let error = mdb_put(transaction, handle, &key, &nothing, UInt32(MDB_NOOVERWRITE))
        return error == MDB_KEYEXIST ? 0 : error
    }
}
