/// Names of files in a row: eight digits and what they are, so that they are listed in order.
enum NumberedName {
    static func make(_ number: some UnsignedInteger, _ suffix: String) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 8 - digits.utf8.count)) + digits + suffix
    }

    /// Nil for a file that is something else.
    static func number<Number: FixedWidthInteger>(_ name: String, _ suffix: String) -> Number? {
        guard name.hasSuffix(suffix) else { return nil }
        return Number(name.dropLast(suffix.utf8.count))
    }
}
