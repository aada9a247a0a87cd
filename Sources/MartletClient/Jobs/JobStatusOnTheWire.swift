import Foundation
package import MartletWire

extension JobStatus {
    package init(_ info: JobInfo) {
        id = ID(info.id)
        queue = info.queue
        type = info.type
        state = State(info.state)
        attempts = Int(info.attempts)
        failures = Int(info.failures)
        crashes = Int(info.crashes)
        interruptions = Int(info.interruptions)
        maxAttempts = Int(info.maxAttempts)
        priority = info.priority
        tags = info.tags?.list ?? []
        headers = Dictionary(info.headers?.list ?? [], uniquingKeysWith: { $1 })
        unique = info.unique.map { Unique($0) }
        timeout = info.timeoutMilliseconds.map { .milliseconds($0) }
        createdAt = Date(protocolTime: info.createdAt)
        dueAt = .orNil(protocolTime: info.dueAt)
        startedAt = .orNil(protocolTime: info.startedAt)
        finishedAt = .orNil(protocolTime: info.finishedAt)
        expiresAt = info.expiresAt.map { Date(protocolTime: $0) }
        vanishesAt = info.vanishesAt.map { Date(protocolTime: $0) }
        payloadBytes = Int(info.payloadBytes)
        error = info.error
        errorClass = info.errorClass
        errorStack = info.errorStack
        fingerprint = info.fingerprint
        progress = info.progress.map { Progress($0) }
        checkpointBytes = info.checkpointBytes.map { Int($0) }
        logLines = info.logLines.map { LogLines(first: $0.lowerBound, next: $0.upperBound) }
        cancellation = info.cancel.map { Cancellation($0) }
        retries = info.retried.map { Retries($0) }
        session = info.session
        worker = info.worker
        leaseEndsAt = info.leaseEndsAt.map { Date(protocolTime: $0) }
    }
}

extension JobStatus.Progress {
    init(_ progress: JobProgress) {
        fraction = Double(progress.done) / Double(Limits.progressDoneMax)
        message = progress.message
    }
}

extension JobStatus.Unique {
    fileprivate init(_ key: JobInfo.HeldKey) {
        self.key = key.key
        scope =
            switch key.scope {
            case .waiting: .waiting
            case .active: .active
            case .period: .period
            }
        isHeld = key.isHeld
        until = .orNil(protocolTime: key.until)
    }
}

extension JobStatus.Cancellation {
    fileprivate init(_ cancel: JobInfo.CancelInfo) {
        requestedAt = Date(protocolTime: cancel.requestedAt)
        graceEndsAt = .orNil(protocolTime: cancel.graceEndsAt)
        reason = cancel.reason
    }
}

extension JobStatus.Retries {
    fileprivate init(_ retried: JobInfo.RetryInfo) {
        count = Int(retried.count)
        lastAt = Date(protocolTime: retried.lastAt)
        stateBefore = JobStatus.State(retried.stateBefore)
    }
}

extension JobStatus.State {
    package init(_ state: JobState) {
        self =
            switch state {
            case .scheduled: .scheduled
            case .ready: .ready
            case .running: .running
            case .held: .held
            case .completed: .completed
            case .dead: .dead
            case .cancelled: .cancelled
            case .expired: .expired
            }
    }

    package var onTheWire: JobState {
        switch self {
        case .scheduled: .scheduled
        case .ready: .ready
        case .running: .running
        case .held: .held
        case .completed: .completed
        case .dead: .dead
        case .cancelled: .cancelled
        case .expired: .expired
        }
    }
}

extension Date {
    /// Milliseconds since 1970, as the protocol counts.
    init(protocolTime milliseconds: UInt64) {
        self.init(timeIntervalSince1970: Double(milliseconds) / 1_000)
    }
}

extension Date? {
    /// In the protocol, 0 stands for "not yet".
    static func orNil(protocolTime milliseconds: UInt64) -> Date? {
        milliseconds == 0 ? nil : Date(protocolTime: milliseconds)
    }
}
