public import Foundation
import MartletWire

/// What the server knew about a job at one moment.
public struct JobStatus: Identifiable, Sendable {
    public let id: ID
    public let queue: String
    public let type: String
    public let state: State
    /// Deliveries so far.
    public let attempts: Int
    /// Deliveries that the handler ended with an error.
    public let failures: Int
    /// Deliveries whose lease ended or whose worker vanished.
    public let crashes: Int
    /// Deliveries that a worker gave back unspent.
    public let interruptions: Int
    /// So many failures, and the job is dead.
    public let maxAttempts: Int
    /// 255 runs first.
    public let priority: UInt8
    public let tags: [String]
    public let headers: [String: String]
    /// The unique key that it was pushed with.
    public let unique: Unique?
    /// The longest run of one attempt.
    public let timeout: Duration?
    public let createdAt: Date
    /// When a scheduled job becomes ready.
    public let dueAt: Date?
    /// When the last attempt began.
    public let startedAt: Date?
    public let finishedAt: Date?
    /// When it expires, unless it runs before.
    public let expiresAt: Date?
    /// When a finished job is gone.
    public let vanishesAt: Date?
    /// Length of the payload before compression.
    public let payloadBytes: Int
    /// Why the last failed attempt failed.
    public let error: String?
    /// The type of that error.
    public let errorClass: String?
    /// Where it was thrown, when the worker said so.
    public let errorStack: String?
    /// What it has in common with errors of the same kind; see ``DeadGroup``.
    public let fingerprint: UInt64?
    /// What the handler said last while it ran.
    public let progress: Progress?
    /// Bytes of the last checkpoint; nil when there is none.
    public let checkpointBytes: Int?
    /// Lines that its handlers logged and that are still kept.
    public let logLines: LogLines?
    /// Somebody asked for its end.
    public let cancellation: Cancellation?
    /// Somebody asked for another try of it.
    public let retries: Retries?
    /// The session of the worker that has it.
    public let session: UInt64?
    /// Host and process of that worker.
    public let worker: String?
    /// When that worker's lease ends, unless it is extended.
    public let leaseEndsAt: Date?

    /// Where a job stands in its life.
    public enum State: String, CaseIterable, Codable, Sendable {
        /// It waits for its time: after a failure, or because it was asked to.
        case scheduled
        /// A worker may take it.
        case ready
        /// A worker has it, under a lease.
        case running
        /// It waits for something other than time or a worker.
        case held
        case completed
        /// Its attempts are used up.
        case dead
        case cancelled
        /// Its time to live was over before a worker took it.
        case expired

        /// Nothing more will happen to the job by itself.
        public var isFinished: Bool { onTheWire.isFinished }
    }

    /// How far a job has come, as its handler tells.
    public struct Progress: Hashable, Sendable {
        /// 0 … 1.
        public let fraction: Double
        public let message: String
    }

    /// A unique key and whether the job holds it.
    public struct Unique: Hashable, Sendable {
        public let key: String
        public let scope: Scope
        public let isHeld: Bool
        /// With ``Scope/period``: how long it holds the key.
        public let until: Date?

        public enum Scope: String, Sendable {
            case waiting
            case active
            case period
        }
    }

    /// Which lines of a job's log are kept.
    public struct LogLines: Hashable, Sendable {
        /// Offset of the first.
        public let first: UInt64
        /// Offset of the one that would come next.
        public let next: UInt64
    }

    /// A request to cancel the job.
    public struct Cancellation: Hashable, Sendable {
        public let requestedAt: Date
        /// The handler has until then to stop; nil: the cancellation is over.
        public let graceEndsAt: Date?
        public let reason: String
    }

    /// Retries by request, not those after a failure.
    public struct Retries: Hashable, Sendable {
        public let count: Int
        public let lastAt: Date
        /// The job's state before the last one.
        public let stateBefore: State
    }
}
