/// Appends a row's fields straight to the turn's log record, little-endian, fixed widths.
///
/// LMDB, or the memory for recent rows, copies the row from there.
package struct RowWriter: ~Copyable {
    let buffer: RecordBuffer
    var at: UnsafeMutableRawPointer
    var end: UnsafeMutableRawPointer
    /// Where the mutation's value begins, as an offset: the buffer may move while the row is written.
    let valueOffset: Int

    init(_ buffer: RecordBuffer, valueOffset: Int) {
        self.buffer = buffer
        self.valueOffset = valueOffset
        at = buffer.base + valueOffset
        end = buffer.base + buffer.capacity
    }

    /// Bytes written so far.
    package var count: Int { at - buffer.base - valueOffset }

    package mutating func u8(_ value: UInt8) { append(value) }
    package mutating func u16(_ value: UInt16) { append(value.littleEndian) }
    package mutating func u32(_ value: UInt32) { append(value.littleEndian) }
    package mutating func u64(_ value: UInt64) { append(value.littleEndian) }

    package mutating func bytes(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        if end - at < bytes.count { grow(bytes.count) }
        at.copyMemory(from: source, byteCount: bytes.count)
        at += bytes.count
    }

    package mutating func bytes(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { self.bytes($0) }
    }

    /// A byte of length and that many bytes of UTF-8; at most 255.
    package mutating func string8(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            precondition(utf8.count <= 255, "a short string holds at most 255 bytes")
            u8(UInt8(utf8.count))
            bytes(UnsafeRawBufferPointer(utf8))
        }
    }

    mutating func append<Field: FixedWidthInteger>(_ field: Field) {
        if end - at < MemoryLayout<Field>.size { grow(MemoryLayout<Field>.size) }
        at.storeBytes(of: field, as: Field.self)
        at += MemoryLayout<Field>.size
    }

    mutating func grow(_ bytes: Int) {
        let used = at - buffer.base
        buffer.grow(keeping: used, room: bytes)
        at = buffer.base + used
        end = buffer.base + buffer.capacity
    }
}
