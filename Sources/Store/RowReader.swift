/// Reads a verified row in place; valid only inside the closure it is passed to.
///
/// Every read is bounds-checked: reading past the end throws `damaged`.
package struct RowReader: ~Copyable {
    var at: UnsafeRawPointer
    let end: UnsafeRawPointer
    private let table: Table
    private let key: UnsafeRawBufferPointer

    /// Checks the value's check value, its last four bytes, and opens what is before it.
    init(
        verifying stored: UnsafeRawBufferPointer, table: Table, key: UnsafeRawBufferPointer
    ) throws(StoreError) {
        let bytes = stored.count - CheckValue.size
        guard bytes >= 0, let start = stored.baseAddress else {
            throw .damaged(table, key, "it is shorter than its check value")
        }
        let expected = UInt32(
            littleEndian: start.loadUnaligned(fromByteOffset: bytes, as: UInt32.self))
        guard CheckValue.of(table, key, start, bytes) == expected else {
            throw .damaged(table, key, "its check value is wrong")
        }
        at = start
        end = start + bytes
        self.table = table
        self.key = key
    }

    /// Opens a part of a row that was read before.
    package init(readBefore bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { preconditionFailure("a part has bytes") }
        at = start
        end = start + bytes.count
        table = Table(id: 0, name: "")
        key = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// Bytes not read yet.
    package var remaining: Int { end - at }
    package var unread: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: at, count: remaining)
    }

    package mutating func u8() throws(StoreError) -> UInt8 { try take() }
    package mutating func u16() throws(StoreError) -> UInt16 {
        UInt16(littleEndian: try take())
    }
    package mutating func u32() throws(StoreError) -> UInt32 {
        UInt32(littleEndian: try take())
    }
    package mutating func u64() throws(StoreError) -> UInt64 {
        UInt64(littleEndian: try take())
    }

    package mutating func bytes(_ count: Int) throws(StoreError)
        -> UnsafeRawBufferPointer
    {
        guard count >= 0, remaining >= count else { throw tooShort() }
        defer { at += count }
        return UnsafeRawBufferPointer(start: at, count: count)
    }

    /// What `RowWriter.string8` wrote.
    package mutating func string8() throws(StoreError) -> String {
        String(decoding: try bytes(Int(try u8())), as: UTF8.self)
    }

    /// The bytes that `body` reads.
    package mutating func bytes(
        _ body: (inout RowReader) throws(StoreError) -> Void
    ) throws(StoreError) -> UnsafeRawBufferPointer {
        let start = at
        try body(&self)
        return UnsafeRawBufferPointer(start: start, count: at - start)
    }

    package mutating func skip(_ count: Int) throws(StoreError) { _ = try bytes(count) }

    package mutating func rest() -> UnsafeRawBufferPointer {
        defer { at = end }
        return UnsafeRawBufferPointer(start: at, count: remaining)
    }

    mutating func take<Field: FixedWidthInteger>() throws(StoreError) -> Field {
        guard remaining >= MemoryLayout<Field>.size else { throw tooShort() }
        defer { at += MemoryLayout<Field>.size }
        return at.loadUnaligned(as: Field.self)
    }

    borrowing func tooShort() -> StoreError {
        .damaged(table, key, "it is shorter than its fields")
    }
}
