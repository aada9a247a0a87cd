package import NIOCore

// Fields into a buffer; the opposite of `WireReader`.

/// Stores fixed fields one behind the other, in room that was made for all of them before.
struct FieldWriter {
    private let room: UnsafeMutableRawBufferPointer
    private var offset = 0

    fileprivate init(_ room: UnsafeMutableRawBufferPointer) { self.room = room }

    @inline(__always)
    mutating func write<T: FixedWidthInteger>(_ value: T) {
        room.storeBytes(of: value.littleEndian, toByteOffset: offset, as: T.self)
        offset &+= MemoryLayout<T>.size
    }

    @inline(__always)
    mutating func write(_ bytes: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: room[offset...]).copyMemory(from: bytes)
        offset &+= bytes.count
    }

    @inline(__always)
    mutating func write(_ head: PayloadHead) {
        write(head.codec.rawValue)
        write(head.rawBytes)
        write(head.checksum)
        write(head.byteCount)
    }
}

extension ByteBuffer {
    /// Writes `count` bytes of fixed fields with one look at the room there is: the batches' way, where a
    /// call for each field costs more than the copying of the payload.
    @inline(__always)
    mutating func writeFields(_ count: Int, _ body: (inout FieldWriter) -> Void) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: count) { room in
            var fields = FieldWriter(room)
            body(&fields)
            return count
        }
    }

    package mutating func writeLittle<T: FixedWidthInteger>(_ value: T) {
        writeInteger(value, endianness: .little)
    }

    /// - Precondition: At most 255 bytes.
    package mutating func writeText8(_ text: String) {
        writeLittle(UInt8(text.utf8.count))
        writeString(text)
    }

    /// - Precondition: At most 65,535 bytes.
    package mutating func writeText16(_ text: String) {
        writeLittle(UInt16(text.utf8.count))
        writeString(text)
    }

    /// - Precondition: At most 255 bytes.
    package mutating func writeText8(_ text: UnsafeRawBufferPointer) {
        writeLittle(UInt8(text.count))
        writeBytes(text)
    }

    /// - Precondition: At most 255 bytes.
    package mutating func writeData8(_ bytes: [UInt8]) {
        writeLittle(UInt8(bytes.count))
        writeBytes(bytes)
    }

    package mutating func writeData32(_ bytes: ByteBuffer) {
        writeLittle(UInt32(bytes.readableBytes))
        writeImmutableBuffer(bytes)
    }

    package mutating func writePayload(_ payload: Payload) {
        writePayloadHead(payload.head)
        writeImmutableBuffer(payload.bytes)
    }

    package mutating func writePayload(_ payload: PayloadView) {
        writePayloadHead(payload.head)
        writeBytes(payload.bytes)
    }

    /// What stands in front of a payload's bytes, which the caller then writes.
    package mutating func writePayloadHead(_ head: PayloadHead) {
        writeFields(PayloadHead.byteCount) { $0.write(head) }
    }

    /// Writes one tagged option; `body` writes its bytes.
    package mutating func writeOption(_ tag: UInt16, _ body: (inout ByteBuffer) -> Void) {
        writeLittle(tag)
        writeSized32(body)
    }

    /// Writes one tagged number, or nothing when there is none.
    package mutating func writeOption(_ tag: UInt16, _ value: (some FixedWidthInteger)?) {
        guard let value else { return }
        writeOption(tag) { $0.writeLittle(value) }
    }

    /// Writes one tagged text, or nothing when there is none.
    package mutating func writeOption(_ tag: UInt16, _ text: String?) {
        guard let text else { return }
        writeOption(tag) { $0.writeString(text) }
    }

    /// Writes one tagged option that says all by being there.
    package mutating func writeOption(_ tag: UInt16, when isSet: Bool) {
        if isSet { writeOption(tag) { _ in } }
    }

    /// Writes what `body` writes with its length in front as u32.
    package mutating func writeSized32(_ body: (inout ByteBuffer) -> Void) {
        let start = writerIndex
        writeLittle(UInt32(0))
        body(&self)
        setInteger(UInt32(writerIndex - start - 4), at: start, endianness: .little)
    }

    /// Writes what `body` writes with its length in front as u16.
    ///
    /// - Precondition: At most 65,535 bytes.
    package mutating func writeSized16(_ body: (inout ByteBuffer) -> Void) {
        let start = writerIndex
        writeLittle(UInt16(0))
        body(&self)
        setInteger(UInt16(writerIndex - start - 2), at: start, endianness: .little)
    }
}

extension String {
    /// The longest beginning of whole characters that has at most `limit` bytes of UTF-8.
    package func truncated(toUTF8Bytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var end = utf8.index(startIndex, offsetBy: limit)
        while end > startIndex, end.samePosition(in: unicodeScalars) == nil {
            end = utf8.index(before: end)
        }
        return String(self[..<end])
    }
}
