/// What stands in a table for a long row that is kept in a blob file: see `BlobFiles`.
///
/// Its check value is inverted, so that it is never taken for a row, nor a row for it.
struct BlobReference: Equatable {
    /// The file's number.
    var file: UInt32
    /// Where in it the row's value begins.
    var offset: UInt32
    /// Bytes of the value, its check value included.
    var count: UInt32

    static let size = 12
    static let storedSize = size + CheckValue.size

    /// Bytes of the record in the file: a row of this key, as the log would have it.
    func recordBytes(keyCount: Int) -> Int { Mutation.headerSize + keyCount + Int(count) }

    /// Puts it behind its key.
    /// - Returns: the check value that a row of the same bytes would have.
    func store(
        at: UnsafeMutableRawPointer, _ table: Table, keyAt: UnsafeRawPointer, keyCount: Int
    ) -> UInt32 {
        at.store(file, at: 0)
        at.store(offset, at: 4)
        at.store(count, at: 8)
        let check = CheckValue.of(
            table, keyAt: keyAt, keyCount: keyCount, valueCount: BlobReference.size)
        at.store(~check, at: BlobReference.size)
        return check
    }
}

extension BlobReference {
    /// Nil for a row that is in the table itself, and for a damaged one.
    init?(_ stored: UnsafeRawBufferPointer, table: Table, key: UnsafeRawBufferPointer) {
        guard table.isLong, stored.count == BlobReference.storedSize, let at = stored.baseAddress,
            CheckValue.of(table, key, at, BlobReference.size)
                == ~at.field(BlobReference.size, UInt32.self)
        else { return nil }
        file = at.field(0, UInt32.self)
        offset = at.field(4, UInt32.self)
        count = at.field(8, UInt32.self)
    }
}
