/// What one stage of a run does, on which queue.
struct LoadPlan: Sendable {
    var queue: String
    /// Connections that submit, and connections that work.
    var producers = 0
    var workers = 0
    /// Jobs to submit, not counting those of the warm-up.
    var jobs = 0
    /// Jobs without an answer, of each producer.
    var outstanding = 0
    /// Most jobs of one `SUBMIT`.
    var batch = 1
    /// An open loop: nanoseconds from the intended sending of one job to that of the next, of all producers together.
    var intervalNanoseconds: UInt64?
    /// How long completed jobs are kept.
    var retainMilliseconds: UInt64 = 0
    /// Ends submitting early; the warm-up does not count.
    var millisecondsMax: Int?
    var warmupMilliseconds = 0
    /// Deliveries that a worker has unsettled.
    var credit = 1024
    /// One read takes what a server sends in one turn. A second read, to see that there is no more, costs a lone
    /// synchronous client a system call for each job.
    var readBytes = 256 << 10
    /// Workers subscribe as soon as they are connected, not when the stage begins.
    var subscribesAhead = false
    /// A connection that breaks is opened again, and what had no answer is sent again.
    var survivesKill = false
}

/// A stage's figures.
struct LoadFigures: Sendable {
    /// From the first thing sent to the last answer, without the warm-up.
    var seconds: Double
    /// Acknowledged in that time, or settled where there are workers.
    var jobs: Int
    var latencies: PhaseLatencies
    /// Of all submitted payloads.
    var bytes: CarriedBytes
    var submitted: Int
    /// Instant of `LoadClock`.
    var firstDeliveredAt: UInt64?
}

/// Latencies of each phase of a job's life.
struct PhaseLatencies: Sendable {
    /// Submission sent to acknowledgement received.
    var acknowledge = Latencies()
    /// Submission sent to delivery received.
    var start = Latencies()
    /// Delivery received to settlement acknowledged.
    var done = Latencies()
    /// Submission intended to sent, of an open loop: how late the bench itself was. Part of the other two.
    var late = Latencies()

    subscript(phase: LatencyPhase) -> Latencies {
        switch phase {
        case .acknowledge: acknowledge
        case .start: start
        case .done: done
        case .late: late
        }
    }
}

/// Between which two instants of a job's life.
package enum LatencyPhase: String, CaseIterable, Codable, Sendable {
    case acknowledge, start, done, late
}
