@testable import Engine

extension Model {
    /// One thing that was told of a job.
    struct Event: Equatable {
        var kind: EventKind
        /// Nil when it is gone.
        var state: JobState?
    }

    mutating func tell(_ kind: EventKind, _ id: UInt64, _ state: JobState?) {
        events[id, default: []].append(Event(kind: kind, state: state))
    }

    mutating func tellEnd(_ id: UInt64, _ state: JobState) {
        let kinds: [JobState: EventKind] = [
            .completed: .completed, .dead: .dead, .cancelled: .cancelled, .expired: .expired,
        ]
        if let kind = kinds[state] { tell(kind, id, state) }
    }

    /// Why a job is where it is.
    func explanation(of id: UInt64) -> Reason? {
        guard let job = jobs[id] else { return nil }
        return Reason(
            state: job.state, due: job.state == .scheduled ? job.due : 0, failures: job.failures,
            detail: job.state == .cancelled ? job.cancelReason : job.error,
            isPaused: queues[job.queue]?.isPaused ?? false,
            ahead: ready(job.queue).firstIndex(of: id) ?? 0, session: job.run?.session,
            startedAt: job.run?.startedAt, leaseEnds: job.run?.deadline,
            cancel: job.run?.cancel.map { Cancel(reason: $0.reason, deadline: $0.deadline) })
    }
}

/// What an explanation comes to, of model and engine alike.
struct Reason: Equatable {
    var state: JobState
    var due: UInt64
    var failures: UInt16
    var detail: String?
    var isPaused: Bool
    var ahead: Int
    var session: UInt64?
    var startedAt: UInt64?
    var leaseEnds: UInt64?
    var cancel: Model.Cancel?
}

extension Reason {
    init(_ explanation: Explanation) {
        state = explanation.state
        due = explanation.dueAt
        failures = explanation.failures
        detail = explanation.detail
        isPaused = explanation.pause != nil
        ahead = Int(explanation.ahead)
        session = explanation.holder?.session
        startedAt = explanation.holder?.startedAt
        leaseEnds = explanation.holder?.leaseEnds
        cancel = explanation.cancelling.map {
            Model.Cancel(reason: $0.reason, deadline: $0.graceEnds)
        }
    }
}
