package import NIOCore

// Fields into a buffer; the opposite of `WireReader`.

extension ByteBuffer {
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
        writeMultipleIntegers(
            head.codec.rawValue, head.rawBytes, head.checksum, head.byteCount, endianness: .little)
    }

    /// Writes one tagged option; `body` writes its bytes.
    package mutating func writeOption(_ tag: UInt16, _ body: (inout ByteBuffer) -> Void) {
        writeLittle(tag)
        writeSized32(body)
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
