/// What a stage has left to do and what it has seen, of all its connections together.
///
/// A struct that is handed down through everything that came in one read: the compiler then sees that nobody else
/// touches it, and nothing is checked for each job.
struct LoadProgress {
    private(set) var ledger: DeliveryLedger
    /// Requests under way.
    private(set) var unanswered = 0
    /// Grows with everything that happens; a watch sees from it whether anything does.
    private(set) var events = 0

    private let plan: LoadPlan
    private var nextIndex = 0
    private var submissions = Latencies()
    private var deliveries = Latencies()
    private var settlements = Latencies()
    /// 0 until all connections are up.
    private var beganAt: UInt64 = 0
    private var answeredAt: UInt64 = 0

    init(_ plan: LoadPlan, ledger: DeliveryLedger) {
        self.plan = plan
        self.ledger = ledger
    }

    var figures: LoadFigures {
        LoadFigures(
            seconds: Double(max(answeredAt, beganAt) - beganAt) / 1e9,
            submission: submissions.summary, delivery: deliveries.summary,
            settlement: settlements.summary)
    }

    mutating func begin(at now: UInt64) { beganAt = now }

    /// Everything sent was answered and, if there are workers, every acknowledged job came.
    func isOver(at now: UInt64) -> Bool {
        guard beganAt > 0, unanswered == 0 else { return false }
        guard plan.workers == 0 || ledger.missing == 0 else { return false }
        return nextIndex == plan.jobs || isTimeUp(at: now)
    }

    private func isTimeUp(at now: UInt64) -> Bool {
        guard let limit = plan.millisecondsMax else { return false }
        return now - beganAt >= UInt64(limit) * 1_000_000
    }

    // MARK: Submitting

    /// The next job to submit; `nil` when there is none.
    mutating func takeJob(at now: UInt64) -> Int? {
        guard nextIndex < plan.jobs, !isTimeUp(at: now) else { return nil }
        nextIndex += 1
        unanswered += 1
        return nextIndex - 1
    }

    mutating func acknowledged(_ job: JobStamp, at now: UInt64) {
        ledger.acknowledge(job.index)
        submissions.record(from: job.sentAt, to: now)
        answered(at: now)
    }

    // MARK: Working

    mutating func delivered(_ job: JobStamp, at now: UInt64) {
        ledger.deliver(job.index)
        deliveries.record(from: job.sentAt, to: now)
        events += 1
    }

    /// Something came whose bytes are not those of any job of this run.
    mutating func damaged() {
        ledger.damage()
        events += 1
    }

    mutating func settling() { unanswered += 1 }

    mutating func settled(_ count: Int, deliveredAt: UInt64, at now: UInt64) {
        settlements.record(from: deliveredAt, to: now, count: count)
        answered(at: now)
    }

    private mutating func answered(at now: UInt64) {
        unanswered -= 1
        answeredAt = now
        events += 1
    }
}
