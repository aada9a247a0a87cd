/// Fingerprints and sessions, as people and other programs read them.
package enum Hexadecimal {
    /// 16 digits.
    package static func text(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// Reads 1 to 16 digits; `nil` when they are none.
    package static func number(_ text: some StringProtocol) -> UInt64? {
        guard text.utf8.count <= 16, text.allSatisfy(\.isHexDigit) else { return nil }
        return UInt64(text, radix: 16)
    }
}
