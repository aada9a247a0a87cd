@testable import Engine

/// What of a job can be seen from outside, from model and engine alike.
struct Sight: Equatable {
    var state: JobState
    var failures: UInt16
    var crashes: UInt16
    var interruptions: UInt16
    var priority: UInt8
    var due: UInt64
    var expires: UInt64
    var vanishes: UInt64
    var error: String?
    var fingerprint: UInt64
    var session: UInt64
    var leaseEnds: UInt64
    var cancelEnds: UInt64
    var payloadBytes: Int
    var tags: [UInt8]
    var headers: [UInt8]
    var holdsKey: Bool
    var retried: UInt16
    var progress: UInt16?
    var checkpointBytes: Int
    var logLines: Int
}

extension Sight {
    init(_ job: Model.Job) {
        state = job.state
        failures = job.failures
        crashes = job.crashes
        interruptions = job.interruptions
        priority = job.priority
        due = job.state == .scheduled ? job.due : 0
        expires = job.expiresAt == .max ? 0 : job.expiresAt
        vanishes = job.state.isFinished ? job.due : 0
        error = job.error
        fingerprint = job.fingerprint
        session = job.run?.session ?? 0
        leaseEnds = job.run?.deadline ?? 0
        cancelEnds = job.run?.cancel?.deadline ?? 0
        payloadBytes = job.payload.count * 2
        tags = wireTexts(job.tags)
        headers = wireTexts(job.headers)
        holdsKey = job.holdsKey
        retried = job.retried
        progress = job.run?.progress
        checkpointBytes = job.checkpoint.count
        logLines = job.logs.count
    }

    init(_ job: JobInspection) {
        state = job.state
        failures = job.failures
        crashes = job.crashes
        interruptions = job.interruptions
        priority = job.priority
        due = job.state == .scheduled ? job.dueAt : 0
        expires = job.expiresAt
        vanishes = job.vanishesAt
        error = job.error
        fingerprint = job.fingerprint
        session = job.session
        leaseEnds = job.leaseEnds
        cancelEnds = job.cancel?.graceEnds ?? 0
        payloadBytes = Int(job.payloadBytes)
        tags = job.tags
        headers = job.headers
        holdsKey = job.unique?.isHeld ?? false
        retried = job.retried?.times ?? 0
        progress = job.progress?.done
        checkpointBytes = Int(job.checkpointBytes)
        logLines = job.logLines?.count ?? 0
    }
}

/// Texts as on the wire: each behind a byte of length.
func wireTexts(_ texts: [String]) -> [UInt8] {
    texts.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
}
