public import Foundation
package import MartletWire

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
    /// So many failures, or so many crashes, and the job is dead.
    public let maxAttempts: Int
    public let createdAt: Date
    /// When a scheduled job becomes ready.
    public let dueAt: Date?
    /// When the last attempt began.
    public let startedAt: Date?
    public let finishedAt: Date?
    /// Length of the payload before compression.
    public let payloadBytes: Int
    /// Why the last failed attempt failed.
    public let error: String?
    /// What the handler said last while it ran.
    public let progress: Progress?

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
}

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
        createdAt = Date(protocolTime: info.createdAt)
        dueAt = .orNil(protocolTime: info.dueAt)
        startedAt = .orNil(protocolTime: info.startedAt)
        finishedAt = .orNil(protocolTime: info.finishedAt)
        payloadBytes = Int(info.payloadBytes)
        error = info.error
        progress = info.progress.map {
            Progress(
                fraction: Double($0.done) / Double(Limits.progressDoneMax), message: $0.message)
        }
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
