import Foundation

extension Date {
    /// Reads an instant as RFC 3339 has it, such as `2026-11-21T22:43:40.123+01:00`; nil when it is none.
    init?(rfc3339 text: String) {
        var reader = InstantReader(text)
        guard let year = reader.number(4), reader.takes("-"),
            let month = reader.number(2, in: 1...12), reader.takes("-"),
            let day = reader.number(2, in: 1...Self.days(in: month, of: year)),
            reader.takes("T") || reader.takes("t"),
            let hour = reader.number(2, in: 0...23), reader.takes(":"),
            let minute = reader.number(2, in: 0...59), reader.takes(":"),
            // A leap second is the first one of the next minute.
            let second = reader.number(2, in: 0...60),
            let fraction = reader.fraction(),
            let offset = reader.offset(), reader.isAtEnd
        else { return nil }
        let days = Self.daysSince1970(year, month, day)
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset
        self.init(timeIntervalSince1970: Double(seconds) + fraction)
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Howard Hinnant's `days_from_civil`: years begin in March, so that a leap day is the last of its year.
    private static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month > 2 ? year : year - 1
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}

private struct InstantReader {
    private var rest: Substring.UTF8View

    init(_ text: String) {
        rest = text[...].utf8
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func takes(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    /// A number of exactly so many digits.
    mutating func number(_ digits: Int, in range: ClosedRange<Int> = 0...9_999) -> Int? {
        guard let value = digit(digits), range.contains(value) else { return nil }
        return value
    }

    /// What is behind the second's point; 0 when there is none.
    mutating func fraction() -> Double? {
        guard takes(".") else { return 0 }
        var value = 0.0
        var scale = 0.1
        var count = 0
        while let digit = digit(1) {
            value += Double(digit) * scale
            scale /= 10
            count += 1
        }
        return count > 0 ? value : nil
    }

    /// Seconds east of Greenwich.
    mutating func offset() -> Int? {
        if takes("Z") || takes("z") { return 0 }
        let sign = takes("-") ? -1 : takes("+") ? 1 : 0
        guard sign != 0, let hours = number(2, in: 0...23), takes(":"),
            let minutes = number(2, in: 0...59)
        else { return nil }
        return sign * (hours * 3_600 + minutes * 60)
    }

    private mutating func digit(_ count: Int) -> Int? {
        let digits = rest.prefix(count)
        guard digits.count == count else { return nil }
        var value = 0
        for byte in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        rest = rest.dropFirst(count)
        return value
    }
}
