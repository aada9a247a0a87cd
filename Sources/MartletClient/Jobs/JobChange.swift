public import Foundation
import MartletWire

/// What may be done to jobs, one by one or to all that match a filter.
public enum JobChange: Hashable, Sendable {
    /// At once when the job waits. A running one's handler is told, and has the grace, up to 1 day,
    /// to stop; nil: 10 seconds. Finished jobs are refused: ``MartletError/Code/jobFinished``.
    case cancel(reason: String = "", grace: Duration? = nil)
    /// A dead, cancelled, expired or scheduled job becomes ready, or at the time given scheduled.
    /// Its failures, crashes and interruptions are forgotten, unless they are kept.
    case retry(keepingCounters: Bool = false, at: Date? = nil)
    /// Finished jobs only.
    case delete
    /// Waiting and dead jobs only.
    case reprioritise(UInt8)
    /// Deletes jobs in any state but running.
    case purge
}

/// What an action did to one job.
public struct ChangeResult: Identifiable, Sendable {
    public let id: JobStatus.ID
    /// The state in which the job is now, nil when it is gone; or why nothing was done to it.
    public let outcome: Result<JobStatus.State?, MartletError>
}

extension ChangeResult {
    init(id: JobStatus.ID, _ result: Result<JobState?, WireError>) {
        self.id = id
        outcome = result.map { $0.map { JobStatus.State($0) } }.mapError { MartletError($0) }
    }
}

extension JobChange {
    var onTheWire: JobAction {
        switch self {
        case .cancel: .cancel
        case .retry: .retry
        case .delete: .delete
        case .reprioritise: .reprioritise
        case .purge: .purge
        }
    }

    /// - Throws: `optionInvalid` for what is out of its range.
    func options(rate: Int?) throws(MartletError) -> ActOptions {
        var options = ActOptions(rate: rate.map(UInt32.init(clamping:)))
        switch self {
        case .cancel(let reason, let grace):
            if !reason.isEmpty {
                options.reason = reason.truncated(toUTF8Bytes: Limits.actionReasonBytesMax)
            }
            options.graceMilliseconds = try grace.map { (grace) throws(MartletError) in
                UInt32(clamping: try grace.unsignedMilliseconds("grace"))
            }
        case .retry(let keepingCounters, let at):
            options.keepsCounters = keepingCounters
            options.runAt = at?.protocolTime
        case .reprioritise(let priority):
            options.priority = priority
        case .delete, .purge:
            break
        }
        if let refusal = options.refusal(of: onTheWire, isBulk: rate != nil) {
            throw MartletError(refusal)
        }
        return options
    }
}
