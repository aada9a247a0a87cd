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

    var duration: Duration { .milliseconds(Int64(milliseconds)) }

    /// A thousand years: far above any limit of the server, far below overflow.
    private static let limit = 3.2e13
    private static let milliseconds: [String: Double] = [
        "ms": 1, "": 1000, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000,
    ]
}

/// `BASE,CAP`: after the n-th failure a job waits a random time between 0 and min(cap, base ×
/// 2ⁿ⁻¹).
struct BackoffSpan: ExpressibleByArgument {
    let base: TimeSpan
    let cap: TimeSpan

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count == 2, let base = TimeSpan(argument: String(parts[0])),
            let cap = TimeSpan(argument: String(parts[1]))
        else { return nil }
        self.base = base
        self.cap = cap
    }
}
