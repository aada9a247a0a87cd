extension SubmitOptions {
    /// These, with `others` where these say nothing.
    package func filled(from others: SubmitOptions) -> SubmitOptions {
        if others.isEmpty { return self }
        if isEmpty { return others }
        return SubmitOptions(fields.filled(from: others.fields))
    }

    /// `OPTION_INVALID` for the first that is out of its range, `nil` when all are well.
    package var refusal: WireError? {
        isEmpty ? nil : fields.refusal
    }

    /// `OPTION_INVALID` for the first that is not among `tags`, `nil` when there is none: settings and
    /// edits take only some of what a submission may say.
    package func refusal(outside tags: Set<UInt16>) -> WireError? {
        guard !isEmpty, let tag = fields.tags(outside: tags).first else { return nil }
        return .optionInvalid("option \(tag) of a submission can't be said here")
    }

    /// `OPTION_INVALID` for the first that an edit can't say, or that is out of its range. Empty tags and
    /// headers are in theirs here: they take away those that the job has.
    package var editRefusal: WireError? {
        guard !isEmpty else { return nil }
        var said = fields
        if said.tags == JobTags.empty { said.tags = nil }
        if said.headers == JobHeaders.empty { said.headers = nil }
        return refusal(outside: SubmitOptions.editable) ?? said.refusal
    }

    /// What an edit may say.
    private static let editable: Set<UInt16> = [9, 10, 11, 12, 13, 15, 16]

    /// What a queue's defaults may say.
    package static let defaultable: Set<UInt16> = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13]
}

extension SubmitOptions.Fields {
    fileprivate func filled(from others: Self) -> Self {
        var all = others
        if let maxAttempts { all.maxAttempts = maxAttempts }
        if let backoff { all.backoff = backoff }
        if let retainCompletedMilliseconds {
            all.retainCompletedMilliseconds = retainCompletedMilliseconds
        }
        if let retainDeadMilliseconds { all.retainDeadMilliseconds = retainDeadMilliseconds }
        if let retainCancelledMilliseconds {
            all.retainCancelledMilliseconds = retainCancelledMilliseconds
        }
        if let retainExpiredMilliseconds {
            all.retainExpiredMilliseconds = retainExpiredMilliseconds
        }
        if let maxCrashes { all.maxCrashes = maxCrashes }
        if let maxInterruptions { all.maxInterruptions = maxInterruptions }
        if let priority { all.priority = priority }
        if let due { all.due = due }
        if let expiresMilliseconds { all.expiresMilliseconds = expiresMilliseconds }
        if let timeoutMilliseconds { all.timeoutMilliseconds = timeoutMilliseconds }
        if let unique { all.unique = unique }
        if let tags { all.tags = tags }
        if let headers { all.headers = headers }
        return all
    }

    fileprivate var refusal: WireError? {
        limitRefusal ?? retentionRefusal ?? timeRefusal
            ?? unique?.refusal ?? tags?.refusal ?? headers?.refusal
    }

    private var limitRefusal: WireError? {
        let attempts = 1...UInt64(Limits.maxAttemptsMax)
        let interruptions = 1...UInt64(UInt16.max)
        return MartletWire.refusal("max_attempts", maxAttempts, attempts)
            ?? backoff?.refusal
            ?? MartletWire.refusal("max_crashes", maxCrashes, attempts)
            ?? MartletWire.refusal("max_interruptions", maxInterruptions, interruptions)
    }

    private var timeRefusal: WireError? {
        let timeouts = 1...UInt64(Limits.timeoutMillisecondsMax)
        return due?.refusal
            ?? MartletWire.refusal(
                "expires", expiresMilliseconds, 1...Limits.delayMillisecondsMax, unit: " ms")
            ?? MartletWire.refusal("timeout", timeoutMilliseconds, timeouts, unit: " ms")
    }

    private var retentionRefusal: WireError? {
        let range = 0...Limits.retainMillisecondsMax
        return MartletWire.refusal(
            "retain_completed", retainCompletedMilliseconds, range, unit: " ms")
            ?? MartletWire.refusal("retain_dead", retainDeadMilliseconds, range, unit: " ms")
            ?? MartletWire.refusal(
                "retain_cancelled", retainCancelledMilliseconds, range, unit: " ms")
            ?? MartletWire.refusal("retain_expired", retainExpiredMilliseconds, range, unit: " ms")
    }

    fileprivate func tags(outside known: Set<UInt16>) -> [UInt16] {
        let said: [(UInt16, Bool)] = [
            (1, maxAttempts != nil), (2, backoff != nil), (3, retainCompletedMilliseconds != nil),
            (4, retainDeadMilliseconds != nil), (5, retainCancelledMilliseconds != nil),
            (6, retainExpiredMilliseconds != nil), (7, maxCrashes != nil),
            (8, maxInterruptions != nil), (9, priority != nil), (10, due?.delay != nil),
            (11, due != nil && due?.delay == nil), (12, expiresMilliseconds != nil),
            (13, timeoutMilliseconds != nil), (14, unique != nil), (15, tags != nil),
            (16, headers != nil),
        ]
        return said.filter { $0.1 && !known.contains($0.0) }.map(\.0)
    }
}

extension SubmitOptions.Backoff {
    fileprivate var refusal: WireError? {
        let factors = UInt64(Limits.backoffFactorMin)...UInt64(Limits.backoffFactorMax)
        let delays = 1...UInt64(Limits.backoffMillisecondsMax)
        return MartletWire.refusal("backoff factor", factor, factors)
            ?? MartletWire.refusal("backoff base", baseMilliseconds, delays, unit: " ms")
            ?? MartletWire.refusal("backoff cap", capMilliseconds, delays, unit: " ms")
    }
}

extension SubmitOptions.Due {
    fileprivate var refusal: WireError? {
        switch self {
        case .delay(let delay):
            MartletWire.refusal(
                "delay", delay, 0...Limits.delayMillisecondsMax, unit: " ms")
        case .at: nil
        case .both: .optionInvalid("delay and run_at are both given; say one of them")
        }
    }
}

/// `OPTION_INVALID` when `value` is there and out of `range`.
func refusal(
    _ name: String, _ value: (some UnsignedInteger)?, _ range: ClosedRange<UInt64>,
    unit: String = ""
) -> WireError? {
    guard let value, !range.contains(UInt64(value)) else { return nil }
    return .optionInvalid(name, actual: UInt64(value), range: range, unit: unit)
}
