import ArgumentParser

/// A number of bytes as people write it: `500000`, `64k`, `500M`, `2G`, in powers of ten; with an
/// `i` (`2Gi`) in powers of two. A `B` may follow.
struct ByteSize: ExpressibleByArgument {
    let bytes: UInt64

    init?(argument: String) {
        let digits = argument.prefix { $0.isASCII && $0.isNumber || $0 == "." }
        var unit = argument[digits.endIndex...].lowercased()
        if unit.hasSuffix("b") { unit.removeLast() }
        guard let scale = Self.scales[unit], let amount = Double(digits),
            amount * scale <= 0x1p53
        else { return nil }
        bytes = UInt64((amount * scale).rounded())
    }

    private static let scales: [String: Double] = [
        "": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12,
        "ki": 0x1p10, "mi": 0x1p20, "gi": 0x1p30, "ti": 0x1p40,
    ]
}
