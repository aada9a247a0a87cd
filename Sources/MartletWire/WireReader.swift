package import NIOCore

/// Takes fields from a message's bytes, front to back.
///
/// Valid only inside the closure of `ByteBuffer.withReader`, as is every pointer it gives. Lengths from the
/// wire are compared with what is left before they are used, so no value of theirs can overflow.
/// Whatever is missing is `INVALID_MESSAGE`.
package struct WireReader: ~Copyable {
    /// The whole message, also for a reader of a part of it: offsets in errors count from its beginning.
    let bytes: UnsafeRawBufferPointer
    /// The next byte, counted from the message's beginning.
    package private(set) var offset: Int
    let end: Int

    package init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        self.offset = 0
        self.end = bytes.count
    }

    init(_ bytes: UnsafeRawBufferPointer, from offset: Int, to end: Int) {
        self.bytes = bytes
        self.offset = offset
        self.end = end
    }

    /// Bytes not read yet.
    package var left: Int { end &- offset }

    @inline(__always) package mutating func u8() throws(WireError) -> UInt8 { try integer() }
    @inline(__always) package mutating func u16() throws(WireError) -> UInt16 { try integer() }
    @inline(__always) package mutating func u32() throws(WireError) -> UInt32 { try integer() }
    @inline(__always) package mutating func u64() throws(WireError) -> UInt64 { try integer() }

    @inline(__always) mutating func integer<T: FixedWidthInteger & UnsignedInteger>()
        throws(WireError) -> T
    {
        let size = MemoryLayout<T>.size
        guard size <= left else { throw endsEarly(wanted: size) }
        let value = bytes.loadUnaligned(fromByteOffset: offset, as: T.self)
        offset &+= size
        return T(littleEndian: value)
    }

    /// The next `count` bytes.
    @inline(__always) package mutating func bytes(_ count: Int) throws(WireError)
        -> UnsafeRawBufferPointer
    {
        guard count <= left else { throw endsEarly(wanted: count) }
        let slice = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset &+ count])
        offset &+= count
        return slice
    }

    /// Bytes with their length in front as u8, u16 or u32.
    package mutating func bytes8() throws(WireError) -> UnsafeRawBufferPointer {
        try bytes(Int(u8()))
    }
    package mutating func bytes16() throws(WireError) -> UnsafeRawBufferPointer {
        try bytes(Int(u16()))
    }
    package mutating func bytes32() throws(WireError) -> UnsafeRawBufferPointer {
        try bytes(Int(u32()))
    }

    /// What was not read yet.
    var ahead: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[offset..<end]) }

    /// Everything that is left.
    package mutating func rest() -> UnsafeRawBufferPointer {
        let slice = UnsafeRawBufferPointer(rebasing: bytes[offset..<end])
        offset = end
        return slice
    }

    /// A reader of the next `count` bytes, which this one has then passed.
    package mutating func part(_ count: Int) throws(WireError) -> WireReader {
        guard count <= left else { throw endsEarly(wanted: count) }
        let part = WireReader(bytes, from: offset, to: offset + count)
        offset += count
        return part
    }

    /// What was read since `begin`, an earlier value of `offset`.
    func passed(from begin: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[begin..<offset])
    }

    /// Must come after the last field.
    package func expectEnd() throws(WireError) {
        guard left == 0 else { throw bytesLeft() }
    }

    func endsEarly(wanted: Int) -> WireError {
        .invalidMessage(
            "message ends early: \(wanted.grouped) bytes wanted at \(offset.grouped), \(left.grouped) left"
        )
    }

    func bytesLeft() -> WireError {
        .invalidMessage("message has \(left.grouped) bytes left over at \(offset.grouped)")
    }
}

// MARK: Texts and payloads

extension WireReader {
    package mutating func text8() throws(WireError) -> String { try text(bytes8()) }
    package mutating func text16() throws(WireError) -> String { try text(bytes16()) }

    /// A text to the end, as in an option.
    package mutating func restText() throws(WireError) -> String { try text(rest()) }

    private func text(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .invalidMessage(
                "text of \(bytes.count.grouped) bytes before \(offset.grouped) is not valid UTF-8")
        }
        return text
    }

    /// Reads the fields only: whether they make sense is `PayloadView.check`.
    package mutating func payload() throws(WireError) -> PayloadView {
        let codec = Codec(rawValue: try u8())
        let rawBytes = try u32()
        let checksum = try u32()
        return PayloadView(
            codec: codec, rawBytes: rawBytes, checksum: checksum, bytes: try bytes32())
    }

    /// A u8 that names one of `T`.
    package mutating func named<T: RawRepresentable<UInt8>>(_ field: String) throws(WireError) -> T
    {
        let value = try u8()
        guard let result = T(rawValue: value) else {
            throw .invalidMessage("\(field) is \(value), which names nothing")
        }
        return result
    }

    /// A request's u8 of flags, of which only those in `known` may be set: what is asked for and not known
    /// must not be passed over.
    package mutating func flags(known: UInt8) throws(WireError) -> UInt8 {
        let value = try u8()
        guard value & ~known == 0 else {
            throw .invalidMessage(
                "flags are 0x\(String(value, radix: 16)), known are 0x\(String(known, radix: 16))")
        }
        return value
    }
}

// MARK: Options

extension WireReader {
    /// Reads tagged options to the end. `body` gets each tag with a reader of its bytes; what it knows it reads to
    /// the end, what it does not know it calls `skip()` on.
    package mutating func options(
        _ body: (UInt16, inout WireReader) throws(WireError) -> Void
    ) throws(WireError) {
        var last = -1
        while left > 0 {
            let tag = try u16()
            guard Int(tag) > last else {
                throw .invalidMessage("option \(tag) comes after option \(last)")
            }
            last = Int(tag)
            var option = try part(Int(u32()))
            try body(tag, &option)
            try option.expectEnd()
        }
    }

    /// Reads options of which none is known.
    package mutating func skipOptions() throws(WireError) {
        try options { (_, option) throws(WireError) in option.skip() }
    }

    /// Passes everything that is left.
    package mutating func skip() { offset = end }
}

extension ByteBuffer {
    /// Lends a reader of the readable bytes, and moves nothing.
    package func withReader<T, Failure: Error>(
        _ body: (inout WireReader) throws(Failure) -> T
    ) throws(Failure) -> T {
        try withUnsafeReadableBytes { (bytes) throws(Failure) -> T in
            var reader = WireReader(bytes)
            return try body(&reader)
        }
    }
}
