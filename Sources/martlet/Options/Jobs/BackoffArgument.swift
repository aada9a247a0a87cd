import ArgumentParser
import MartletClient

/// How long a failed job waits: `none`, `fixed:10s`, or `exponential:BASE,FACTOR,CAP`, of which
/// the last parts may be left out. `,jitter=full` or `,jitter=none` may follow.
struct BackoffArgument: ExpressibleByArgument {
    let backoff: JobOptions.RetryBackoff

    init?(argument: String) {
        let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        var values =
            parts.count == 1
            ? [] : parts[1].split(separator: ",", omittingEmptySubsequences: false)
        var jitter: JobOptions.RetryBackoff.Jitter?
        if let last = values.last, last.hasPrefix("jitter=") {
            guard let named = Self.jitters[String(last.dropFirst("jitter=".count))] else {
                return nil
            }
            jitter = named
            values.removeLast()
        }
        guard let backoff = Self.backoff(parts[0], values.map(String.init), jitter) else {
            return nil
        }
        self.backoff = backoff
    }

    /// - Throws: `ValidationError` when it waits longer than a job can.
    func validate() throws {
        for wait in [backoff.base, backoff.cap] where wait > TimeSpan.days(1).duration {
            throw ValidationError(
                "--backoff waits for \(Quantity.time(wait)); it can wait for up to 1d.")
        }
    }

    private static func backoff(
        _ kind: Substring, _ values: [String], _ jitter: JobOptions.RetryBackoff.Jitter?
    ) -> JobOptions.RetryBackoff? {
        switch (kind, values.count) {
        case ("none", 0) where jitter == nil:
            return .immediate
        case ("fixed", 1):
            guard let wait = TimeSpan(argument: values[0]) else { return nil }
            return .fixed(wait.duration, jitter: jitter ?? .none)
        case ("exponential", 0...3):
            let defaults = ["1s", "2", "1h"]
            let all = values + defaults[values.count...]
            guard let base = TimeSpan(argument: all[0]), let factor = Double(all[1]),
                (1...10).contains(factor), let cap = TimeSpan(argument: all[2])
            else { return nil }
            return .exponential(
                base: base.duration, factor: factor, cap: cap.duration, jitter: jitter ?? .full)
        default:
            return nil
        }
    }

    private static let jitters: [String: JobOptions.RetryBackoff.Jitter] = [
        "none": .none, "full": .full,
    ]
}

extension JobOptions.RetryBackoff {
    /// As it is given on the command line.
    var text: String {
        let jitter = jitter == .full ? "full" : "none"
        return switch kind {
        case .immediate: "none"
        case .fixed: "fixed:\(Quantity.time(base)),jitter=\(jitter)"
        case .exponential:
            "exponential:\(Quantity.time(base)),\(factor),\(Quantity.time(cap)),jitter=\(jitter)"
        }
    }
}
