internal import NIOCore

/// What a job carries to its worker beside its payload, as the wire carries and the store keeps it: one
/// name and value after another.
package struct JobHeaders: Hashable, Sendable {
    /// Whole lengths and texts of UTF-8; whether they are headers says `refusal`.
    package let bytes: [UInt8]

    /// No header: an edit takes away those that there are.
    package static var empty: JobHeaders { JobHeaders(bytes: []) }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    /// - Throws: `OPTION_INVALID` for the first that is no header, for too many, or for too long ones.
    package init(_ headers: [(name: String, value: String)]) throws(WireError) {
        var buffer = ByteBuffer()
        for header in headers {
            buffer.writeText8(header.name.truncated(toUTF8Bytes: Int(UInt8.max)))
            buffer.writeText16(header.value.truncated(toUTF8Bytes: Int(UInt16.max)))
        }
        bytes = Array(buffer.readableBytesView)
        if let refusal { throw refusal }
    }

    /// Reads to the end.
    package init(from reader: inout WireReader) throws(WireError) {
        let begin = reader.offset
        while reader.left > 0 {
            _ = try reader.text8()
            _ = try reader.text16()
        }
        bytes = Array(reader.passed(from: begin))
    }

    /// Bytes that were kept; `nil` for none.
    package init?(stored bytes: [UInt8]) {
        guard !bytes.isEmpty else { return nil }
        self.bytes = bytes
    }

    package var list: [(name: String, value: String)] {
        var buffer = ByteBuffer(bytes: bytes)
        var headers: [(name: String, value: String)] = []
        while let name = buffer.readLengthPrefixedString(as: UInt8.self),
            let value = buffer.readLengthPrefixedString(as: UInt16.self)
        {
            headers.append((name, value))
        }
        return headers
    }

    /// `OPTION_INVALID` for the first that is no header, for their number or their length.
    var refusal: WireError? {
        let headers = list
        return MartletWire.refusal(
            "number of headers", UInt64(headers.count), 1...UInt64(Limits.headersMax))
            ?? MartletWire.refusal(
                "headers' length", UInt64(bytes.count), 1...UInt64(Limits.headerBytesMax))
            ?? headers.lazy.compactMap { JobHeaders.refusal(of: $0.name, $0.value) }.first
    }

    private static func refusal(of name: String, _ value: String) -> WireError? {
        if !name.utf8.allSatisfy(isToken) {
            return .optionInvalid("a header's name has a byte that HTTP's field names can't have")
        }
        if value.utf8.contains(where: { $0 < 0x20 && $0 != UInt8(ascii: "\t") || $0 == 0x7f }) {
            return .optionInvalid("a header's value has a control character")
        }
        return MartletWire.refusal(
            "header name's length", UInt64(name.utf8.count), 1...UInt64(Limits.headerNameBytesMax))
    }

    /// A `tchar` of RFC 9110, section 5.6.2.
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}

extension ByteBuffer {
    fileprivate mutating func readLengthPrefixedString<Length: FixedWidthInteger>(
        as type: Length.Type
    ) -> String? {
        readLengthPrefixedSlice(endianness: .little, as: type).map { String(buffer: $0) }
    }
}
