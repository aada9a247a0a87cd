import Engine
import MartletWire
import NIOCore

// Jobs as they are shown.

extension JobInfo {
    init(_ job: JobInspection, queue: String) {
        self.init(
            id: JobID(rawValue: job.id), state: MartletWire.JobState(job.state),
            attempts: UInt16(clamping: job.attempts), failures: job.failures, crashes: job.crashes,
            interruptions: job.interruptions, maxAttempts: job.maxAttempts,
            createdAt: job.createdAt, dueAt: job.dueAt, startedAt: job.startedAt,
            finishedAt: job.finishedAt, payloadBytes: job.payloadBytes, queue: queue,
            type: job.type)
        progress = job.progress.map { JobProgress(done: $0.done, message: $0.message) }
        payload = job.payload.map { Payload($0) }
        result = job.result.map { Payload($0) }
        leaseEndsAt = known(job.leaseEnds)
        session = known(job.session)
        vanishesAt = known(job.vanishesAt)
        addOptions(of: job)
        addHistory(of: job)
    }

    private mutating func addOptions(of job: JobInspection) {
        priority = job.priority
        tags = JobTags(stored: job.tags)
        headers = JobHeaders(stored: job.headers)
        unique = job.unique.map { HeldKey($0) }
        timeoutMilliseconds = known(job.timeout).map { UInt32(clamping: $0) }
        expiresAt = known(job.expiresAt)
    }

    private mutating func addHistory(of job: JobInspection) {
        error = job.error
        errorClass = job.errorClass
        errorStack = job.errorStack
        fingerprint = known(job.fingerprint)
        cancel = job.cancel.map {
            CancelInfo(
                requestedAt: $0.requestedAt, graceEndsAt: $0.graceEnds, reason: $0.reason)
        }
        retried = job.retried.map {
            RetryInfo(
                count: $0.times, lastAt: $0.last, stateBefore: MartletWire.JobState($0.from))
        }
        checkpointBytes = job.checkpointBytes > 0 ? job.checkpointBytes : nil
        logLines = job.logLines
    }
}

/// Nil for 0, which stands for nothing.
private func known(_ value: UInt64) -> UInt64? { value == 0 ? nil : value }

extension JobInfo.HeldKey {
    fileprivate init(_ unique: JobInspection.Unique) {
        self.init(
            scope: .init(rawValue: unique.scope.rawValue) ?? .active, isHeld: unique.isHeld,
            until: unique.until, key: unique.key)
    }
}

extension Payload {
    fileprivate init(_ copy: PayloadCopy) {
        self.init(
            codec: Codec(rawValue: copy.codec), rawBytes: copy.rawBytes, checksum: copy.checksum,
            bytes: ByteBuffer(bytes: copy.bytes))
    }
}

extension MartletWire.LogPage {
    init(_ page: EngineLogPage) {
        self.init(
            first: page.first, next: page.next,
            lines: page.lines.map {
                LogLine(offset: $0.offset, at: $0.at, attempt: $0.attempt, text: $0.text)
            })
    }
}
