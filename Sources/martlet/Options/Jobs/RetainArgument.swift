import ArgumentParser
import MartletClient

/// How long finished jobs are kept: a time for all outcomes (`2d`), or for some
/// (`completed=1h,dead=7d`).
struct RetainArgument: ExpressibleByArgument {
    private var completed: TimeSpan?
    private var dead: TimeSpan?
    private var cancelled: TimeSpan?
    private var expired: TimeSpan?

    init?(argument: String) {
        if let all = TimeSpan(argument: argument) {
            (completed, dead, cancelled, expired) = (all, all, all, all)
            return
        }
        for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2, let outcome = Self.outcomes[String(pair[0])],
                self[keyPath: outcome] == nil, let span = TimeSpan(argument: String(pair[1]))
            else { return nil }
            self[keyPath: outcome] = span
        }
    }

    /// - Throws: `ValidationError` when one is longer than a job can be kept.
    func validate() throws {
        for span in [completed, dead, cancelled, expired] {
            try span?.check("--retain", atMost: .days(365))
        }
    }

    func apply(to options: inout JobOptions) {
        options.retainCompleted = completed?.duration ?? options.retainCompleted
        options.retainDead = dead?.duration ?? options.retainDead
        options.retainCancelled = cancelled?.duration ?? options.retainCancelled
        options.retainExpired = expired?.duration ?? options.retainExpired
    }

    private static var outcomes: [String: WritableKeyPath<Self, TimeSpan?>] {
        ["completed": \.completed, "dead": \.dead, "cancelled": \.cancelled, "expired": \.expired]
    }
}
