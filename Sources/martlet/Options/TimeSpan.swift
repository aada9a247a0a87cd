import ArgumentParser

/// A length of time as people write it: `500ms`, `30s`, `5m`, `2h`, `7d`; a number alone is
/// seconds.
struct TimeSpan: ExpressibleByArgument, Equatable {
    let milliseconds: UInt64

    init?(argument: String) {
        let digits = argument.prefix { $0.isASCII && $0.isNumber || $0 == "." }
        guard let scale = Self.milliseconds[String(argument[digits.endIndex...])],
            let amount = Double(digits), amount * scale <= Self.limit
        else { return nil }
        milliseconds = UInt64((amount * scale).rounded())
    }

    static func days(_ count: UInt64) -> TimeSpan { TimeSpan(milliseconds: count * 86_400_000) }

    private init(milliseconds: UInt64) {
        self.milliseconds = milliseconds
    }

    /// - Throws: `ValidationError` when it is longer.
    func check(_ option: String, atMost longest: TimeSpan) throws {
        guard milliseconds > longest.milliseconds else { return }
        throw ValidationError(
            "\(option) is \(Quantity.time(duration)); it can be up to \(Quantity.time(longest.duration))."
        )
    }

    var duration: Duration { .milliseconds(Int64(milliseconds)) }

    /// A thousand years: far above any limit of the server, far below overflow.
    private static let limit = 3.2e13
    private static let milliseconds: [String: Double] = [
        "ms": 1, "": 1000, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000,
    ]
}
