internal import NIOCore

/// What queues and types may be called.
package enum Names {
    /// 1 to 128 bytes of `A–Z a–z 0–9 . _ - :`, the first a letter or digit.
    /// - Throws: `QUEUE_NAME_INVALID`, with a sentence that names what is wrong.
    package static func check(queue name: UnsafeRawBufferPointer) throws(WireError) {
        try checkLength(
            name.count, of: "queue name", limit: Limits.queueNameBytesMax, .queueNameInvalid)
        guard isLetterOrDigit(name[0]) else {
            throw WireError(.queueNameInvalid, "queue name does not begin with a letter or digit")
        }
        for (index, byte) in name.enumerated() where !isLetterOrDigit(byte) && !isMark(byte) {
            throw WireError(
                .queueNameInvalid,
                "queue name has byte 0x\(String(byte, radix: 16)) at \(index); allowed are A–Z a–z 0–9 . _ - :"
            )
        }
    }

    package static func check(queue name: String) throws(WireError) {
        try withBytes(of: name) { (bytes) throws(WireError) in try check(queue: bytes) }
    }

    /// 1 to 128 bytes of printable UTF-8 without spaces or control characters.
    /// - Throws: `TYPE_INVALID`, with a sentence that names what is wrong.
    package static func check(type name: UnsafeRawBufferPointer) throws(WireError) {
        try checkLength(name.count, of: "type", limit: Limits.typeBytesMax, .typeInvalid)
        if name.allSatisfy({ (0x21...0x7e).contains($0) }) { return }
        guard let text = String(validating: name, as: UTF8.self) else {
            throw WireError(.typeInvalid, "type is not valid UTF-8")
        }
        guard text.unicodeScalars.allSatisfy(\.isPrintable) else {
            throw WireError(.typeInvalid, "type has a space or a control character")
        }
    }

    package static func check(type name: String) throws(WireError) {
        try withBytes(of: name) { (bytes) throws(WireError) in try check(type: bytes) }
    }

    private static func checkLength(
        _ count: Int, of what: String, limit: Int, _ code: ErrorCode
    ) throws(WireError) {
        guard count > 0 else { throw WireError(code, limit: 1, "\(what) is empty") }
        guard count <= limit else {
            throw WireError(
                code, limit: UInt64(limit), actual: UInt64(count),
                "\(what) has \(count.grouped) bytes, the limit is \(limit)")
        }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    private static func isMark(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: ":"): true
        default: false
        }
    }

    private static func withBytes(
        of text: String, _ body: (UnsafeRawBufferPointer) throws(WireError) -> Void
    ) throws(WireError) {
        try ByteBuffer(string: text).withUnsafeReadableBytes { (bytes) throws(WireError) in
            try body(bytes)
        }
    }
}

extension Unicode.Scalar {
    /// Neither a space nor a control character.
    var isPrintable: Bool {
        switch properties.generalCategory {
        case .control, .spaceSeparator, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
