/// What one stage of a run does, on which queue.
struct LoadPlan: Sendable {
    var queue: String
    /// Connections that submit, and connections that work.
    var producers = 0
    var workers = 0
    /// Jobs to submit.
    var jobs = 0
    /// Submissions without an answer, of each producer.
    var outstanding = 0
    /// How long completed jobs are kept.
    var retainMilliseconds: UInt64 = 0
    /// Ends submitting early.
    var millisecondsMax: Int?
}

/// A stage's figures.
struct LoadFigures: Sendable {
    /// From the first thing sent to the last answer.
    var seconds: Double
    /// Submission sent to acknowledgement received.
    var submission: LatencySummary
    /// Submission sent to delivery received.
    var delivery: LatencySummary
    /// Delivery received to settlement acknowledged.
    var settlement: LatencySummary
}
