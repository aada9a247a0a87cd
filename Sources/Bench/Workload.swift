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
}
