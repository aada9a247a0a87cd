import ArgumentParser
import Foundation

/// An instant as people write it: RFC 3339 (`2026-11-22T10:00:00Z`, `2026-11-22T11:00+01:00`), or
/// a date alone, which is its midnight in UTC.
struct Instant: ExpressibleByArgument {
    let date: Date

    init?(argument: String) {
        guard let date = Self.date(argument) else { return nil }
        self.date = date
    }

    fileprivate static func date(_ text: String) -> Date? {
        let form = /(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(:\d\d)?(\.\d+)?([Zz]|[+-]\d\d:\d\d))?/
        guard let match = text.wholeMatch(of: form) else { return nil }
        let zone = match.5?.uppercased() ?? "Z"
        let whole = "\(match.1)T\(match.2 ?? "00:00")\(match.3 ?? ":00")\(zone)"
        guard let date = try? Date(whole, strategy: .iso8601) else { return nil }
        return date + (match.4.flatMap { Double("0\($0)") } ?? 0)
    }
}

/// An instant, or how long it is ago: `2h`.
struct PastInstant: ExpressibleByArgument {
    let date: Date

    init?(argument: String) {
        if let date = Instant.date(argument) {
            self.date = date
        } else if let span = TimeSpan(argument: argument) {
            date = Date.now - Double(span.milliseconds) / 1000
        } else {
            return nil
        }
    }
}
