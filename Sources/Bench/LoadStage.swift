import MartletWire
import NIOCore

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

/// The state that all connections of a stage share: what is left to do, what was seen, and when it is over.
///
/// Belongs to the event loop that runs the stage.
final class LoadStage {
    let ledger: DeliveryLedger

    private let plan: LoadPlan
    private let over: EventLoopPromise<Void>
    private var phase = Phase.connecting

    private enum Phase { case connecting, running, over }

    private var nextIndex = 0
    private var unanswered = 0
    private var submissions = Latencies()
    private var deliveries = Latencies()
    private var settlements = Latencies()
    private var beganAt: UInt64 = 0
    private var answeredAt: UInt64 = 0
    /// Grows with everything that happens; a watch sees from it whether anything does.
    private var events = 0

    init(_ plan: LoadPlan, ledger: DeliveryLedger, on loop: any EventLoop) {
        self.plan = plan
        self.ledger = ledger
        over = loop.makePromise()
    }

    /// Succeeds when everything sent was answered and, if there are workers, every acknowledged job came.
    var whenOver: EventLoopFuture<Void> { over.futureResult }

    var figures: LoadFigures {
        LoadFigures(
            seconds: Double(max(answeredAt, beganAt) - beganAt) / 1e9,
            submission: submissions.summary, delivery: deliveries.summary,
            settlement: settlements.summary)
    }

    func begin(at now: UInt64) {
        beganAt = now
        phase = .running
    }

    // MARK: Submitting

    /// The next job to submit; `nil` when there is none.
    func takeJob(at now: UInt64) -> Int? {
        guard nextIndex < plan.jobs, !isTimeUp(at: now) else { return nil }
        nextIndex += 1
        unanswered += 1
        return nextIndex - 1
    }

    func acknowledged(_ job: JobStamp, at now: UInt64) {
        ledger.acknowledge(job.index)
        submissions.record(from: job.sentAt, to: now)
        answered(at: now)
    }

    private func isTimeUp(at now: UInt64) -> Bool {
        guard let limit = plan.millisecondsMax else { return false }
        return now - beganAt >= UInt64(limit) * 1_000_000
    }

    // MARK: Working

    func delivered(_ job: JobStamp, at now: UInt64) {
        ledger.deliver(job.index)
        deliveries.record(from: job.sentAt, to: now)
        events += 1
    }

    /// Something came whose bytes are not those of any job of this run.
    func damaged() {
        ledger.damage()
        events += 1
    }

    func settling() { unanswered += 1 }

    func settled(_ count: Int, deliveredAt: UInt64, at now: UInt64) {
        settlements.record(from: deliveredAt, to: now, count: count)
        answered(at: now)
    }

    private func answered(at now: UInt64) {
        unanswered -= 1
        answeredAt = now
        events += 1
    }

    // MARK: The end

    /// Looks whether it is over; called once for everything that came in one read.
    func check(at now: UInt64) {
        guard phase == .running, unanswered == 0 else { return }
        guard plan.workers == 0 || ledger.missing == 0 else { return }
        if nextIndex == plan.jobs || isTimeUp(at: now) { end(.success(())) }
    }

    func fail(_ error: any Error) { end(.failure(error)) }

    /// Ends the stage when nothing has happened for that long: what was not delivered then, is lost.
    func watch(everyMilliseconds interval: Int, on loop: any EventLoop) {
        let seen = events
        loop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(interval))) { [weak self] in
            guard let self, phase == .running else { return }
            if events == seen {
                stalled(after: interval)
            } else {
                watch(everyMilliseconds: interval, on: loop)
            }
        }
    }

    private func stalled(after milliseconds: Int) {
        if unanswered == 0 {
            end(.success(()))
        } else {
            let requests = unanswered.grouped
            fail(
                BenchError.stalled(
                    "\(requests) requests had no answer for \(milliseconds.grouped) ms"))
        }
    }

    private func end(_ result: Result<Void, any Error>) {
        guard phase != .over else { return }
        phase = .over
        over.completeWith(result)
    }
}
