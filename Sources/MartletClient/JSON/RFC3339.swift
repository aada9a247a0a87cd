package import Foundation

/// Instants as people and other programs read them.
package enum RFC3339 {
    /// `2026-11-21T22:43:40.123Z`; UTC always, milliseconds always. Nothing before 1970 can be said.
    package static func text(_ date: Date) -> String {
        text(milliseconds: UInt64(max(0, (date.timeIntervalSince1970 * 1_000).rounded())))
    }

    private static func text(milliseconds: UInt64) -> String {
        let (seconds, fraction) = milliseconds.quotientAndRemainder(dividingBy: 1_000)
        let (days, second) = seconds.quotientAndRemainder(dividingBy: 86_400)
        let date = civilDate(daysSince1970: days)
        let time =
            "\(two(second / 3_600)):\(two(second / 60 % 60)):\(two(second % 60)).\(padded(fraction, to: 3))"
        return "\(padded(date.year, to: 4))-\(two(date.month))-\(two(date.day))T\(time)Z"
    }

    /// Howard Hinnant's `civil_from_days`, for days that are not before 1970: years begin in March, so that a leap
    /// day is the last of its year.
    private static func civilDate(daysSince1970: UInt64) -> (
        year: UInt64, month: UInt64, day: UInt64
    ) {
        let days = daysSince1970 + 719_468
        let (era, dayOfEra) = days.quotientAndRemainder(dividingBy: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func two(_ number: UInt64) -> String { padded(number, to: 2) }

    private static func padded(_ number: UInt64, to width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
