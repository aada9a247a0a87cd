internal import NIOCore

/// The number by which dead jobs are grouped: the same for errors that differ only in the numbers and
/// identifiers that they name. `PROTOCOL.md` says how it is made.
package enum ErrorFingerprint {
    /// - Parameters:
    ///   - errorClass: UTF-8; empty without one.
    ///   - message: UTF-8, as sent.
    /// - Returns: Never 0.
    package static func of(
        errorClass: UnsafeRawBufferPointer, message: UnsafeRawBufferPointer
    ) -> UInt64 {
        var hash = FNV1a()
        hash.add(errorClass)
        hash.add(0)
        addNormalised(message, to: &hash)
        return hash.value == 0 ? 1 : hash.value
    }

    package static func of(errorClass: String?, message: String) -> UInt64 {
        ByteBuffer(string: errorClass ?? "").withUnsafeReadableBytes { errorClass in
            ByteBuffer(string: message.truncated(toUTF8Bytes: Limits.reasonBytesMax))
                .withUnsafeReadableBytes { of(errorClass: errorClass, message: $0) }
        }
    }

    private static func addNormalised(_ message: UnsafeRawBufferPointer, to hash: inout FNV1a) {
        var rest = message[...]
        while let first = rest.first {
            let word = rest.prefix { isHexDigit($0) || $0 == UInt8(ascii: "-") }
            if word.isEmpty {
                hash.add(first)
                rest = rest.dropFirst()
            } else {
                addWord(word, to: &hash)
                rest = rest.dropFirst(word.count)
            }
        }
    }

    /// Hexadecimal digits and hyphens: an identifier or a time when they are many and one is a digit.
    private static func addWord(_ word: Slice<UnsafeRawBufferPointer>, to hash: inout FNV1a) {
        if word.count >= 8, word.contains(where: isDigit) { return hash.add(UInt8(ascii: "*")) }
        var isInNumber = false
        for byte in word {
            if !isDigit(byte) { hash.add(byte) } else if !isInNumber { hash.add(UInt8(ascii: "#")) }
            isInNumber = isDigit(byte)
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
    }
}

/// FNV-1a with 64 bits. (Source: draft-eastlake-fnv.)
private struct FNV1a {
    var value: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        for byte in bytes { add(byte) }
    }
}
