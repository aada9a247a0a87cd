/// What can be measured; each answers a question of its own.
package enum Workload: String, CaseIterable, Codable, Sendable {
    /// How long one job takes when nothing else is going on: one connection, one job at a time.
    case sync
    /// How fast jobs are accepted: pipelined submissions.
    case submit
    /// How fast a backlog is worked off, every job settled.
    case drain
    /// How fast jobs pass through while they are submitted and worked at once.
    case flow
    /// How long jobs take at a given rate that nobody slows down: an open loop, timed from the instant at which each
    /// job should have been sent.
    case paced
    /// What consumers cost that wait for work, and how soon one of very many has a job.
    case idle
    /// What very many waiting jobs cost, and how soon the first is served after the broker was killed.
    case backlog
    /// What keeping finished jobs for a while costs: `flow` anew, with jobs that go at once, that vanish while others
    /// still pass through, and that stay.
    case retention
    /// How long everybody waits while something happens to very many jobs at once.
    case mass

    /// What is measured when nothing else is asked for.
    package static let usual: [Workload] = [.sync, .submit, .drain, .flow, .paced]

    /// Whether a broker can be killed in the middle of it.
    var survivesKill: Bool {
        switch self {
        case .sync, .submit, .drain, .flow, .paced: true
        case .idle, .backlog, .retention, .mass: false
        }
    }
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
