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
    /// Delivered by nobody when the stage began.
    private let backlog: Int
    private var nextIndex: Int
    /// Jobs taken, acknowledged and settled after the warm-up.
    private var taken = 0
    private var acknowledged = 0
    private var settled = 0
    private var latencies = PhaseLatencies()
    private var bytes = CarriedBytes()
    /// 0 until all connections are up.
    private var beganAt: UInt64 = 0
    private var measuredFrom: UInt64 = .max
    private var answeredAt: UInt64 = 0
    private var firstDeliveredAt: UInt64?

    init(_ plan: LoadPlan, ledger: DeliveryLedger) {
        self.plan = plan
        self.ledger = ledger
        backlog = ledger.missing
        nextIndex = ledger.acknowledged
    }

    var figures: LoadFigures {
        let nanoseconds = answeredAt > measuredFrom ? answeredAt - measuredFrom : 0
        return LoadFigures(
            seconds: Double(nanoseconds) / 1e9, jobs: plan.workers > 0 ? settled : acknowledged,
            latencies: latencies, bytes: bytes, submitted: nextIndex,
            firstDeliveredAt: firstDeliveredAt)
    }

    mutating func begin(at now: UInt64) {
        beganAt = now
        measuredFrom = now + UInt64(plan.warmupMilliseconds) * 1_000_000
    }

    /// Everything sent was answered and, if there are workers, every acknowledged job came.
    func isOver(at now: UInt64) -> Bool {
        guard beganAt > 0, unanswered == 0 else { return false }
        guard plan.workers == 0 || ledger.missing == 0 else { return false }
        return taken == plan.jobs || isTimeUp(at: now)
    }

    /// Acknowledged so far, or delivered where nothing is submitted.
    var done: Int { plan.producers > 0 ? ledger.acknowledged : backlog - ledger.missing }

    /// How much of the stage is over, from 0 to 1.
    func share(at now: UInt64) -> Double {
        guard beganAt > 0 else { return 0 }
        guard plan.producers > 0 else { return Double(done) / Double(max(1, backlog)) }
        let ofJobs = Double(taken) / Double(max(1, plan.jobs))
        guard let limit = plan.millisecondsMax, limit > 0, now > measuredFrom else { return ofJobs }
        return min(1, max(ofJobs, Double(now - measuredFrom) / 1e6 / Double(limit)))
    }

    private func isTimeUp(at now: UInt64) -> Bool {
        guard let limit = plan.millisecondsMax else { return false }
        return now >= measuredFrom && now - measuredFrom >= UInt64(limit) * 1_000_000
    }

    // MARK: Submitting

    /// The next jobs to submit in one request, `count` at most; none when there are no more.
    mutating func takeJobs(_ count: Int, at now: UInt64) -> Range<Int> {
        guard beganAt > 0, !isTimeUp(at: now) else { return nextIndex..<nextIndex }
        let isMeasured = now >= measuredFrom
        let jobs = nextIndex..<nextIndex + (isMeasured ? min(count, plan.jobs - taken) : count)
        if isMeasured { taken += jobs.count }
        nextIndex = jobs.upperBound
        ledger.submit(below: nextIndex)
        if !jobs.isEmpty { unanswered += 1 }
        return jobs
    }

    mutating func submitted(_ bytes: CarriedBytes) { self.bytes += bytes }

    /// A job that should have been sent at `intended` is sent now.
    mutating func sent(intended: UInt64, at now: UInt64) {
        if now >= measuredFrom { latencies.late.record(from: intended, to: now) }
    }

    mutating func acknowledged(_ sent: SentJobs, at now: UInt64) {
        for index in sent.indices { ledger.acknowledge(index) }
        if now >= measuredFrom {
            acknowledged += sent.indices.count
            latencies.acknowledge.record(sent, to: now)
        }
        answered(at: now)
    }

    // MARK: Working

    /// Jobs that were sent at the same instant.
    mutating func delivered(sentAt: UInt64, count: Int, at now: UInt64) {
        if firstDeliveredAt == nil { firstDeliveredAt = now }
        if now >= measuredFrom { latencies.start.record(from: sentAt, to: now, count: count) }
        events += 1
    }

    mutating func delivered(_ index: Int) { ledger.deliver(index) }

    /// Something came whose bytes are not those of any job of this run.
    mutating func damaged() {
        ledger.damage()
        events += 1
    }

    mutating func settling() { unanswered += 1 }

    mutating func settled(_ count: Int, deliveredAt: UInt64, at now: UInt64) {
        if now >= measuredFrom {
            settled += count
            latencies.done.record(from: deliveredAt, to: now, count: count)
        }
        answered(at: now)
    }

    private mutating func answered(at now: UInt64) {
        unanswered -= 1
        answeredAt = now
        events += 1
    }
}

/// The jobs of one `SUBMIT`.
struct SentJobs {
    var indices: Range<Int>
    /// When the first was sent, or should have been, and how much later each of the others.
    var sentAt: UInt64
    var interval: UInt64 = 0
    /// Of the request with its producer; 0 when it has none.
    var sequence: UInt64 = 0

    func sentAt(_ index: Int) -> UInt64 {
        sentAt + UInt64(index - indices.lowerBound) * interval
    }
}

extension Latencies {
    fileprivate mutating func record(_ sent: SentJobs, to now: UInt64) {
        guard sent.interval > 0 else {
            return record(from: sent.sentAt, to: now, count: sent.indices.count)
        }
        for index in sent.indices { record(from: sent.sentAt(index), to: now) }
    }
}
