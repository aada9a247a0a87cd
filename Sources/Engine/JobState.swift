/// Where a job is in its life. The numbers are those of the protocol.
package enum JobState: UInt8, Sendable, CaseIterable, Comparable {
    case scheduled = 1
    case ready = 2
    case running = 3
    case held = 4
    case completed = 5
    case dead = 6
    case cancelled = 7
    case expired = 8

    package var isFinished: Bool { rawValue >= JobState.completed.rawValue }

    package static func < (one: JobState, other: JobState) -> Bool { one.rawValue < other.rawValue }
}

/// What a job's own row says of its state. Whether a waiting job is scheduled, ready or running is said
/// by where it is (a run of the index, or a lease), so that its coming and going writes no job row.
enum StoredState: UInt8 {
    case waiting = 2
    case completed = 5
    case dead = 6
    case cancelled = 7
    case expired = 8

    var isFinished: Bool { self != .waiting }

    /// The state of a finished job; nil for a waiting one.
    var finished: JobState? { isFinished ? JobState(rawValue: rawValue) : nil }

    /// - Parameter state: one of the finished ones; all others are stored as waiting.
    init(_ state: JobState) { self = StoredState(rawValue: state.rawValue) ?? .waiting }
}
