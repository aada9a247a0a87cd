/// What can happen to very many jobs at once, in the order in which a run lets it happen.
package enum MassChange: String, CaseIterable, Codable, Sendable {
    case reprioritise, cancel, redrive, delete
    case purge
    /// A queue is deleted with its jobs.
    case drop
    /// Scheduled jobs are due at the same instant.
    case due
    /// Jobs expire in the same second.
    case expire
    /// The time is over for which finished jobs are kept.
    case vanish
}
