import Foundation
package import MartletWire

extension JobOptions {
    /// These, and `others` where these say nothing.
    package func filled(from others: JobOptions) -> JobOptions {
        JobOptions(
            priority: priority ?? others.priority,
            delay: delay ?? (runAt == nil ? others.delay : nil),
            runAt: runAt ?? (delay == nil ? others.runAt : nil),
            expires: expires ?? others.expires,
            timeout: timeout ?? others.timeout,
            maxAttempts: maxAttempts ?? others.maxAttempts,
            maxCrashes: maxCrashes ?? others.maxCrashes,
            maxInterruptions: maxInterruptions ?? others.maxInterruptions,
            backoff: backoff ?? others.backoff,
            unique: unique ?? others.unique,
            tags: tags.isEmpty ? others.tags : tags,
            headers: others.headers.merging(headers) { _, mine in mine },
            retainCompleted: retainCompleted ?? others.retainCompleted,
            retainDead: retainDead ?? others.retainDead,
            retainCancelled: retainCancelled ?? others.retainCancelled,
            retainExpired: retainExpired ?? others.retainExpired,
            durability: durability ?? others.durability)
    }

    /// As the protocol carries them, but for the durability, which a submission says elsewhere.
    ///
    /// - Throws: `optionInvalid` for the first that is out of its range.
    package func onTheWire() throws(MartletError) -> SubmitOptions {
        guard self != JobOptions() else { return SubmitOptions() }
        var fields = SubmitOptions.Fields()
        fields.priority = priority
        try addTimes(to: &fields)
        fields.maxAttempts = maxAttempts.map(UInt16.init(clamping:))
        fields.maxCrashes = maxCrashes.map(UInt16.init(clamping:))
        fields.maxInterruptions = maxInterruptions.map(UInt16.init(clamping:))
        fields.backoff = try backoff?.onTheWire()
        fields.unique = try unique?.onTheWire()
        try addRetention(to: &fields)
        try addWords(to: &fields)
        let options = SubmitOptions(fields)
        if let refusal = options.refusal { throw MartletError(refusal) }
        return options
    }

    /// As an edit says them.
    func onTheWire(removing labels: JobLabels) throws(MartletError) -> SubmitOptions {
        let options = try onTheWire()
        guard !labels.isEmpty else { return options }
        var fields = options.fields
        if labels.contains(.tags), tags.isEmpty { fields.tags = .empty }
        if labels.contains(.headers), headers.isEmpty { fields.headers = .empty }
        return SubmitOptions(fields)
    }

    private func addTimes(to fields: inout SubmitOptions.Fields) throws(MartletError) {
        let delay = try delay?.unsignedMilliseconds("delay")
        let instant = runAt?.protocolTime
        fields.due =
            switch (delay, instant) {
            case (nil, nil): nil
            case (let delay?, nil): .delay(delay)
            case (nil, let instant?): .at(instant)
            case (let delay?, let instant?): .both(delay: delay, at: instant)
            }
        fields.expiresMilliseconds = try expires?.unsignedMilliseconds("expires")
        fields.timeoutMilliseconds = try timeout.map { (timeout) throws(MartletError) in
            UInt32(clamping: try timeout.unsignedMilliseconds("timeout"))
        }
    }

    private func addRetention(to fields: inout SubmitOptions.Fields) throws(MartletError) {
        fields.retainCompletedMilliseconds =
            try retainCompleted?.unsignedMilliseconds("retain_completed")
        fields.retainDeadMilliseconds = try retainDead?.unsignedMilliseconds("retain_dead")
        fields.retainCancelledMilliseconds =
            try retainCancelled?.unsignedMilliseconds("retain_cancelled")
        fields.retainExpiredMilliseconds = try retainExpired?.unsignedMilliseconds("retain_expired")
    }

    private func addWords(to fields: inout SubmitOptions.Fields) throws(MartletError) {
        do throws(WireError) {
            if !tags.isEmpty { fields.tags = try JobTags(tags) }
            if !headers.isEmpty {
                let sorted = headers.sorted { $0.key < $1.key }
                fields.headers = try JobHeaders(sorted.map { ($0.key, $0.value) })
            }
        } catch {
            throw MartletError(error)
        }
    }

    /// A queue's defaults, as a server tells them.
    package init(_ options: SubmitOptions) {
        let fields = options.fields
        self.init(
            priority: fields.priority,
            expires: fields.expiresMilliseconds.map { .milliseconds($0) },
            timeout: fields.timeoutMilliseconds.map { .milliseconds($0) },
            maxAttempts: fields.maxAttempts.map(Int.init),
            maxCrashes: fields.maxCrashes.map(Int.init),
            maxInterruptions: fields.maxInterruptions.map(Int.init),
            backoff: fields.backoff.map { RetryBackoff($0) },
            retainCompleted: fields.retainCompletedMilliseconds.map { .milliseconds($0) },
            retainDead: fields.retainDeadMilliseconds.map { .milliseconds($0) },
            retainCancelled: fields.retainCancelledMilliseconds.map { .milliseconds($0) },
            retainExpired: fields.retainExpiredMilliseconds.map { .milliseconds($0) })
    }
}

extension JobOptions.RetryBackoff {
    func onTheWire() throws(MartletError) -> SubmitOptions.Backoff {
        let hundredths = (factor * 100).rounded()
        return SubmitOptions.Backoff(
            kind: kind.onTheWire, jitter: jitter == .full ? .full : .none,
            factor: UInt16(min(max(hundredths.isNaN ? 0 : hundredths, 0), Double(UInt16.max))),
            baseMilliseconds: UInt32(clamping: try base.unsignedMilliseconds("backoff base")),
            capMilliseconds: UInt32(clamping: try cap.unsignedMilliseconds("backoff cap")))
    }

    init(_ backoff: SubmitOptions.Backoff) {
        self.init(
            kind: Kind(backoff.kind), jitter: backoff.jitter == .full ? .full : .none,
            factor: Double(backoff.factor) / 100, base: .milliseconds(backoff.baseMilliseconds),
            cap: .milliseconds(backoff.capMilliseconds))
    }
}

extension JobOptions.RetryBackoff.Kind {
    fileprivate init(_ kind: SubmitOptions.Backoff.Kind) {
        self =
            switch kind {
            case .none: .immediate
            case .fixed: .fixed
            case .exponential: .exponential
            }
    }

    fileprivate var onTheWire: SubmitOptions.Backoff.Kind {
        switch self {
        case .immediate: .none
        case .fixed: .fixed
        case .exponential: .exponential
        }
    }
}

extension JobOptions.Unique {
    fileprivate func onTheWire() throws(MartletError) -> UniqueKey {
        var wire = UniqueKey(
            key, scope: .active, policy: onConflict.onTheWire, requiresSamePayload: samePayload)
        switch scope {
        case .waiting: wire.scope = .waiting
        case .active: wire.scope = .active
        case .period(let period):
            wire.scope = .period
            wire.periodMilliseconds = try period.unsignedMilliseconds("unique period")
        }
        return wire
    }
}

extension JobOptions.Unique.Conflict {
    fileprivate var onTheWire: UniqueKey.Policy {
        switch self {
        case .existing: .existing
        case .replace: .replace
        case .reject: .reject
        }
    }
}

extension JobOptions.Durability {
    var onTheWire: Durability {
        switch self {
        case .memory: .memory
        case .disk: .disk
        }
    }

    init(_ durability: Durability) {
        self =
            switch durability {
            case .memory: .memory
            case .disk: .disk
            }
    }
}

extension Duration {
    /// As the protocol counts: zero is a value of its own there, so a negative duration must not
    /// become it.
    func unsignedMilliseconds(_ name: String) throws(MartletError) -> UInt64 {
        guard self >= .zero else {
            throw MartletError(.optionInvalid, "\(name) is \(self); it can't be negative")
        }
        return UInt64(milliseconds)
    }
}

extension Date {
    /// Milliseconds since 1970, as the protocol counts; what is before is 1970 itself, since 0
    /// stands for "none".
    var protocolTime: UInt64 {
        let milliseconds = (timeIntervalSince1970 * 1_000).rounded()
        return UInt64(min(max(milliseconds, 1), 0x1p53))
    }
}
