/// A row's key, built from fields in big-endian order so that byte order is numeric order.
///
/// A value with inline storage: building one allocates nothing. Holds up to `Key.capacity` bytes, more
/// than four numbers: keys are copied often, so nothing as long as a name is one. A single zero byte is none: see
/// `FloorRow`.
package struct Key: Sendable {
    package static let capacity = 40

    /// After every other key: where a scan in reverse begins when it begins at the end.
    package static let last: Key = {
        var key = Key()
        for _ in 0..<capacity { key.u8(.max) }
        return key
    }()

    var storage = InlineArray<5, UInt64>(repeating: 0)
    package private(set) var count = 0

    package init() {}

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes(bytes) }

    package mutating func u8(_ value: UInt8) { append(value) }
    package mutating func u16(_ value: UInt16) { append(value.bigEndian) }
    package mutating func u32(_ value: UInt32) { append(value.bigEndian) }
    package mutating func u64(_ value: UInt64) { append(value.bigEndian) }

    package mutating func bytes(_ bytes: UnsafeRawBufferPointer) {
        let at = count
        count += bytes.count
        precondition(count <= Key.capacity, "a key holds at most 40 bytes")
        withUnsafeMutableBytes(of: &storage) { storage in
            UnsafeMutableRawBufferPointer(rebasing: storage[at...]).copyMemory(from: bytes)
        }
    }

    package func adding(u8 value: UInt8) -> Key { adding { $0.u8(value) } }
    package func adding(u16 value: UInt16) -> Key { adding { $0.u16(value) } }
    package func adding(u32 value: UInt32) -> Key { adding { $0.u32(value) } }
    package func adding(u64 value: UInt64) -> Key { adding { $0.u64(value) } }

    /// The key's bytes, valid inside the closure only.
    package func withBytes<R, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> R
    ) throws(Failure) -> R {
        try withUnsafeBytes(of: storage) { storage throws(Failure) in
            try body(UnsafeRawBufferPointer(start: storage.baseAddress, count: count))
        }
    }

    private func adding(_ body: (inout Key) -> Void) -> Key {
        var key = self
        body(&key)
        return key
    }

    private mutating func append<Field: FixedWidthInteger>(_ field: Field) {
        let at = count
        count += MemoryLayout<Field>.size
        precondition(count <= Key.capacity, "a key holds at most 40 bytes")
        withUnsafeMutableBytes(of: &storage) {
            $0.storeBytes(of: field, toByteOffset: at, as: Field.self)
        }
    }
}

extension Key: Equatable {
    package static func == (one: Key, other: Key) -> Bool {
        one.withBytes { one in other.withBytes { compare(one, $0) == 0 } }
    }
}

extension Key: CustomStringConvertible {
    package var description: String { withBytes { hexadecimal($0) } }
}

/// Reads the fields of a stored key; valid only inside the closure it is passed to.
package struct KeyReader {
    var fields: UnsafeRawBufferPointer
    let table: Table
    private let key: UnsafeRawBufferPointer

    init(_ key: UnsafeRawBufferPointer, of table: Table) {
        self.key = key
        self.table = table
        fields = key
    }

    /// What was not read yet.
    package var remaining: UnsafeRawBufferPointer { fields }

    /// The whole key, to read or delete its row later.
    package var whole: Key { Key(key) }

    package mutating func u8() throws(StoreError) -> UInt8 { try take() }
    package mutating func u16() throws(StoreError) -> UInt16 { UInt16(bigEndian: try take()) }
    package mutating func u32() throws(StoreError) -> UInt32 { UInt32(bigEndian: try take()) }
    package mutating func u64() throws(StoreError) -> UInt64 { UInt64(bigEndian: try take()) }

    private mutating func take<Field: FixedWidthInteger>() throws(StoreError) -> Field {
        let size = MemoryLayout<Field>.size
        guard fields.count >= size else {
            throw .damaged(table, key, "its key is too short")
        }
        let field = fields.loadUnaligned(as: Field.self)
        fields = UnsafeRawBufferPointer(rebasing: fields[size...])
        return field
    }
}

/// Byte order, shorter first: LMDB's order of keys.
func compare(_ one: UnsafeRawBufferPointer, _ other: UnsafeRawBufferPointer) -> Int {
    let shared = min(one.count, other.count)
    if shared > 0, let a = one.baseAddress, let b = other.baseAddress {
        let order = compareMemory(a, b, shared)
        if order != 0 { return order }
    }
    return one.count - other.count
}
