public import Foundation
package import MartletWire

/// Which jobs are meant. A job must match all that is said.
public struct JobQuery: Hashable, Sendable {
    /// nil: all queues.
    public var queue: String?
    /// Empty: all states.
    public var states: Set<JobStatus.State>
    public var type: String?
    public var tag: String?
    public var uniqueKey: String?
    /// Ids between these, both included. ``idPrefix(_:)`` makes them of an id's beginning.
    public var ids: ClosedRange<JobStatus.ID>?
    /// That of the error of which the job died: ``DeadGroup/fingerprint``.
    public var fingerprint: UInt64?
    /// Running at the worker with this session: ``JobStatus/session``.
    public var session: UInt64?
    /// Running at this worker, if it is connected: ``JobStatus/worker``.
    public var worker: String?
    /// Pushed at that time or later.
    public var since: Date?
    /// Pushed before that time.
    public var until: Date?

    public init(
        queue: String? = nil, states: Set<JobStatus.State> = [], type: String? = nil,
        tag: String? = nil, uniqueKey: String? = nil, ids: ClosedRange<JobStatus.ID>? = nil,
        fingerprint: UInt64? = nil, session: UInt64? = nil, worker: String? = nil,
        since: Date? = nil,
        until: Date? = nil
    ) {
        self.queue = queue
        self.states = states
        self.type = type
        self.tag = tag
        self.uniqueKey = uniqueKey
        self.ids = ids
        self.fingerprint = fingerprint
        self.session = session
        self.worker = worker
        self.since = since
        self.until = until
    }

    /// The ids that begin with this text; nil when none can: 1 to 12 letters and digits as in an
    /// id.
    public static func idPrefix(_ text: String) -> ClosedRange<JobStatus.ID>? {
        let missing = JobID.digitCount - text.utf8.count
        guard !text.isEmpty, missing >= 0,
            let last = JobID(text + String(repeating: "z", count: missing))
        else { return nil }
        // Zero is no id: the lowest that begins with zeros is 1.
        let first = JobID(text + String(repeating: "0", count: missing)) ?? JobID(rawValue: 1)
        return JobStatus.ID(first)...JobStatus.ID(last)
    }
}

extension JobQuery {
    /// What people call a worker: a session is 16 hexadecimal digits, everything else is host and
    /// process.
    package mutating func setWorker(_ text: String) {
        if text.utf8.count == 16, let session = Hexadecimal.number(text) {
            self.session = session
        } else {
            worker = text
        }
    }

    /// The request for the first page, which shows all that was answered before.
    package func list(newestFirst: Bool = true, limit: UInt16 = Limits.listLimitMax) -> List {
        List(
            queue: queue ?? "", states: JobStates(states),
            order: newestFirst ? .newestFirst : .oldestFirst, limit: limit, filter: filter,
            isFresh: true)
    }

    /// What it says beside queue and states.
    package var filter: JobFilter {
        JobFilter(
            type: type, tag: tag, unique: uniqueKey,
            ids: ids.map { $0.lowerBound.rawValue...$0.upperBound.rawValue },
            fingerprint: fingerprint, session: session, since: since?.protocolTime,
            until: until?.protocolTime, worker: worker)
    }
}
