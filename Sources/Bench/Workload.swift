/// What can be measured; each answers a question of its own.
package enum Workload: String, CaseIterable, Codable, Sendable {
    /// How long one job takes when nothing else is going on: one connection, one job at a time.
    case sync
    /// How fast jobs are accepted: pipelined submissions, each job a frame of its own.
    case submit
    /// How fast a backlog is worked off, every job settled.
    case drain
    /// How fast jobs pass through while they are submitted and worked at once.
    case flow
    /// What keeping finished jobs for a while costs: `flow` anew, with jobs that go at once, that vanish while others
    /// still pass through, and that stay.
    case retention
    /// How long everybody waits while something happens to very many jobs at once.
    case mass

    /// What is measured when nothing else is asked for.
    package static let usual: [Workload] = [.sync, .submit, .drain, .flow]
}

/// How long `retention` keeps its completed jobs.
package enum KeepingTime: String, CaseIterable, Codable, Sendable {
    case none, short, long

    var milliseconds: UInt64 {
        switch self {
        case .none: 0
        case .short: 1_000
        case .long: 3_600_000
        }
    }
}
