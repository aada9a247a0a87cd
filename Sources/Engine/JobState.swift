/// Where a job is in its life. The numbers are those of the protocol and of the stored row, in
/// which `running` does not occur: a stored `ready` job that is in no ready run is running.
package enum JobState: UInt8, Sendable, CaseIterable {
    case scheduled = 1
    case ready = 2
    case running = 3
    case held = 4
    case completed = 5
    case dead = 6
    case cancelled = 7
    case expired = 8

    package var isFinished: Bool { rawValue >= JobState.completed.rawValue }
}
