import Foundation

/// Numbers as people read them.
enum Quantity {
    /// `61,300,000`
    static func grouped(_ number: some BinaryInteger) -> String {
        let digits = String(number.magnitude)
        var text = number < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
            text.append(digit)
        }
        return text
    }

    /// `61.3 MB`, in powers of ten.
    static func bytes(_ count: some BinaryInteger) -> String {
        var amount = Double(count)
        var unit = "B"
        for next in ["kB", "MB", "GB", "TB"] where amount >= 1000 {
            amount /= 1000
            unit = next
        }
        return unit == "B" ? "\(count) B" : decimal(amount, places: 1) + " " + unit
    }

    /// `3.4`
    static func ratio(_ one: Int, _ other: Int) -> String {
        decimal(Double(one) / Double(other), places: 1)
    }

    /// `9.8 s`
    static func seconds(_ duration: Duration) -> String {
        decimal(duration / .seconds(1), places: 1) + " s"
    }

    /// `1 job`, `12,000 jobs`
    static func jobs(_ count: some BinaryInteger) -> String {
        count == 1 ? "1 job" : "\(grouped(count)) jobs"
    }

    /// A time as it is given on the command line, in the largest unit that is not below one: `250ms`,
    /// `1.5s`, `30m`, `7d`.
    static func time(_ duration: Duration) -> String {
        let milliseconds = duration / .milliseconds(1)
        for (unit, scale) in [("d", 86_400_000.0), ("h", 3_600_000), ("m", 60_000), ("s", 1000)]
        where milliseconds >= scale {
            let amount = decimal(milliseconds / scale, places: 1)
            return (amount.hasSuffix(".0") ? String(amount.dropLast(2)) : amount) + unit
        }
        return decimal(milliseconds, places: 0) + "ms"
    }

    /// How long ago, in the largest unit that fits: `45s`, `12m`, `3h`, `8d`.
    static func age(seconds: Double) -> String {
        switch seconds {
        case ..<120: "\(Int(seconds))s"
        case ..<7200: "\(Int(seconds / 60))m"
        case ..<172_800: "\(Int(seconds / 3600))h"
        default: "\(Int(seconds / 86_400))d"
        }
    }

    private static func decimal(_ value: Double, places: Int) -> String {
        String(format: "%.\(places)f", value)
    }
}
