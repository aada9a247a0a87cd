/// A job's number: greater than 0, ascending in order of acceptance.
///
/// The top 4 bits are zero, the next 8 name the partition. People read it as 12 digits of Crockford's
/// base 32 in lower case.
package struct JobID: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }
}

extension JobID: Comparable {
    package static func < (one: JobID, other: JobID) -> Bool { one.rawValue < other.rawValue }
}

extension JobID: LosslessStringConvertible {
    package static let digitCount = 12

    private static let digits = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    /// Reads what `description` gives; also in upper case, and with `i l o` for `1 1 0`. Nothing else.
    package init?(_ text: String) {
        guard text.utf8.count == JobID.digitCount else { return nil }
        var value: UInt64 = 0
        for byte in text.utf8 {
            guard let digit = JobID.value(ofDigit: byte) else { return nil }
            value = value << 5 | digit
        }
        guard value > 0 else { return nil }
        self.init(rawValue: value)
    }

    package var description: String {
        String(unsafeUninitializedCapacity: JobID.digitCount) { buffer in
            var rest = rawValue
            for index in (0..<JobID.digitCount).reversed() {
                buffer[index] = JobID.digits[Int(rest & 31)]
                rest >>= 5
            }
            return JobID.digitCount
        }
    }

    private static func value(ofDigit byte: UInt8) -> UInt64? {
        let isUpperCase = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
        let lower = isUpperCase ? byte | 0x20 : byte
        switch lower {
        case UInt8(ascii: "i"), UInt8(ascii: "l"): return 1
        case UInt8(ascii: "o"): return 0
        default: return digits.firstIndex(of: lower).map { UInt64($0) }
        }
    }
}
