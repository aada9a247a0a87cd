import MartletClient
import MartletWire

// A job's options as query parameters and as members of a JSON object: the same names, but that a
// query is flat and an object is not.
extension JobOptions {
    private static let simpleNames = [
        "durability", "priority", "delay_ms", "run_at", "expires_ms", "timeout_ms", "max_attempts",
        "max_crashes", "max_interruptions", "retain_completed_ms", "retain_dead_ms",
        "retain_cancelled_ms", "retain_expired_ms",
    ]

    static let queryNames =
        simpleNames + [
            "backoff", "backoff_base_ms", "backoff_factor", "backoff_cap_ms", "backoff_jitter",
            "unique", "unique_scope", "unique_period_ms", "unique_same_payload", "on_conflict",
            "tag", "header",
        ]

    static let memberNames = simpleNames + ["backoff", "unique", "tags", "headers"]

    /// Those that a job can be edited by.
    static let editNames = [
        "priority", "delay_ms", "run_at", "expires_ms", "timeout_ms", "tags", "headers",
    ]

    /// Those that a queue may have defaults for.
    static let defaultNames = [
        "priority", "expires_ms", "timeout_ms", "max_attempts", "max_crashes", "max_interruptions",
        "backoff", "retain_completed_ms", "retain_dead_ms", "retain_cancelled_ms",
        "retain_expired_ms",
    ]

    init(query: RequestOptions) throws(Problem) {
        try self.init(simple: query)
        backoff = try RetryBackoff(query, kind: "backoff", prefix: "backoff_")
        unique = try Unique(query, key: "unique", prefix: "unique_")
        tags = try query.texts("tag")
        headers = try query.pairs("header")
    }

    init(members: RequestOptions) throws(Problem) {
        try self.init(simple: members)
        backoff = try members.object("backoff", known: RetryBackoff.names)
            .flatMap { (options) throws(Problem) in
                try RetryBackoff(options, kind: "kind", prefix: "")
            }
        unique = try members.object("unique", known: Unique.names)
            .flatMap { (options) throws(Problem) in
                guard let unique = try Unique(options, key: "key", prefix: "") else {
                    throw options.invalid("key", "a text")
                }
                return unique
            }
        tags = try members.texts("tags")
        headers = try members.pairs("headers")
    }

    private init(simple options: RequestOptions) throws(Problem) {
        let attempts = 1...Int(Limits.maxAttemptsMax)
        let retention = 0...Limits.retainMillisecondsMax
        let delays = 1...Limits.delayMillisecondsMax
        self.init(
            priority: try options.integer("priority", in: 0...255).map { UInt8($0) },
            delay: try options.milliseconds("delay_ms", in: 0...Limits.delayMillisecondsMax),
            runAt: try options.instant("run_at"),
            expires: try options.milliseconds("expires_ms", in: delays),
            timeout: try options.milliseconds(
                "timeout_ms", in: 1...UInt64(Limits.timeoutMillisecondsMax)),
            maxAttempts: try options.integer("max_attempts", in: attempts),
            maxCrashes: try options.integer("max_crashes", in: attempts),
            maxInterruptions: try options.integer("max_interruptions", in: 1...Int(UInt16.max)),
            retainCompleted: try options.milliseconds("retain_completed_ms", in: retention),
            retainDead: try options.milliseconds("retain_dead_ms", in: retention),
            retainCancelled: try options.milliseconds("retain_cancelled_ms", in: retention),
            retainExpired: try options.milliseconds("retain_expired_ms", in: retention),
            durability: try options.choice("durability", ["disk": .disk, "memory": .memory]))
    }
}

extension JobOptions.RetryBackoff {
    fileprivate static let names = ["kind", "base_ms", "factor", "cap_ms", "jitter"]

    private enum Shape {
        case none
        case fixed
        case exponential
    }

    /// - Returns: nil when nothing is said of it.
    fileprivate init?(
        _ options: RequestOptions, kind: String, prefix: String
    ) throws(Problem) {
        let delays = 1...UInt64(Limits.backoffMillisecondsMax)
        let shape = try options.choice(
            kind, ["none": Shape.none, "fixed": .fixed, "exponential": .exponential])
        let base = try options.milliseconds(prefix + "base_ms", in: delays)
        let factor = try options.number(prefix + "factor", in: 1...10)
        let cap = try options.milliseconds(prefix + "cap_ms", in: delays)
        let jitter = try options.choice(prefix + "jitter", ["none": Jitter.none, "full": .full])
        switch shape {
        case nil where base == nil && factor == nil && cap == nil && jitter == nil: return nil
        case .some(.none):
            self = .immediate
        case .fixed:
            self = .fixed(base ?? .seconds(1), jitter: jitter ?? .none)
        case .exponential, nil:
            self = .exponential(
                base: base ?? .seconds(1), factor: factor ?? 2, cap: cap ?? .seconds(3_600),
                jitter: jitter ?? .full)
        }
    }
}

extension JobOptions.Unique {
    fileprivate static let names = ["key", "scope", "period_ms", "same_payload", "on_conflict"]

    private enum Reach {
        case waiting
        case active
        case period
    }

    /// - Returns: nil when there is no key.
    fileprivate init?(
        _ options: RequestOptions, key name: String, prefix: String
    ) throws(Problem) {
        let reach = try options.choice(
            prefix + "scope", ["waiting": Reach.waiting, "active": .active, "period": .period])
        let period = try options.milliseconds(
            prefix + "period_ms", in: 1...Limits.delayMillisecondsMax)
        let conflict = try options.choice(
            "on_conflict", ["existing": Conflict.existing, "replace": .replace, "reject": .reject])
        let samePayload = try options.flag(prefix + "same_payload")
        guard let key = try options.text(name) else {
            guard reach == nil, period == nil, conflict == nil, !samePayload else {
                throw options.invalid(name, "a text: what else is said of it needs a key")
            }
            return nil
        }
        guard (1...Limits.uniqueKeyBytesMax).contains(key.utf8.count) else {
            throw options.invalid(name, "a text of 1 to \(Limits.uniqueKeyBytesMax) bytes")
        }
        guard (reach == .period) == (period != nil) else {
            throw options.invalid(prefix + "period_ms", "said with scope period, and only there")
        }
        let scope: Scope =
            if let period { .period(period) } else if reach == .waiting { .waiting } else {
                .active
            }
        self.init(
            key, scope: scope, onConflict: conflict ?? .existing, samePayload: samePayload)
    }
}
