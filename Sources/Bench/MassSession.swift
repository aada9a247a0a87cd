import FoundationEssentials
import MartletWire
import NIOCore

/// Lets things happen to very many jobs at once, and measures how long everybody else waits meanwhile.
final class MassSession {
    private let caller: Caller
    private let options: BenchOptions
    private let pings: PingProbe
    private let report: @Sendable (BenchEvent) -> Void
    private var results: [WorkloadResult] = []
    private var jobs: Int { options.jobs(of: .mass) }

    /// Small enough to be taken within one turn.
    private static let batch = 500

    init(
        _ caller: Caller, _ server: BenchServer, _ options: BenchOptions,
        report: @escaping @Sendable (BenchEvent) -> Void
    ) {
        self.caller = caller
        self.options = options
        pings = PingProbe(server: server)
        self.report = report
    }

    func run() async throws -> [WorkloadResult] {
        let fillSeconds = try await act()
        try await remove()
        // Nothing may be due before all jobs are there, and nothing vanish before all have expired.
        let ahead = UInt64(fillSeconds * 2_000) + 1_500
        try await wake(ahead)
        try await expire(ahead, keep: 4 * ahead)
        return results
    }

    // MARK: Changes

    /// - Returns: how long filling a queue took, in seconds.
    private func act() async throws -> Double {
        let queue = name("actions")
        let begin = LoadClock.now()
        try await fill(queue) { _ in }
        let seconds = Double(LoadClock.now() - begin) / 1e9
        try await measure(.reprioritise) {
            try await carryOut(.reprioritise, queue, ActOptions(priority: 9))
        }
        try await measure(.cancel) { try await carryOut(.cancel, queue) }
        try await measure(.redrive) { try await carryOut(.retry, queue) }
        try await carryOut(.cancel, queue)
        try await measure(.delete) { try await carryOut(.delete, queue) }
        try await drop(queue)
        return seconds
    }

    private func remove() async throws {
        let queue = name("removals")
        try await fill(queue) { _ in }
        try await measure(.purge) { try await carryOut(.purge, queue) }
        try await fill(queue) { _ in }
        try await measure(.drop) { try await drop(queue) }
    }

    private func wake(_ ahead: UInt64) async throws {
        let queue = name("due")
        let instant = MassSession.now() + ahead
        try await fill(queue) { $0.due = .at(instant) }
        guard try await look(at: queue)?.scheduled == UInt64(jobs) else { throw tooSlow() }
        try await measure(.due, from: instant) {
            try await wait(for: queue) { $0.scheduled == 0 }
        }
        try await drop(queue)
    }

    private func expire(_ ahead: UInt64, keep: UInt64) async throws {
        let queue = name("expiring")
        let instant = MassSession.now() + ahead
        try await fill(queue) {
            $0.expiresMilliseconds = max(instant, MassSession.now() + 1) - MassSession.now()
            $0.retainExpiredMilliseconds = keep
        }
        guard try await look(at: queue)?.ready == UInt64(jobs) else { throw tooSlow() }
        try await measure(.expire, from: instant) { try await wait(for: queue) { $0.ready == 0 } }
        try await wait(for: queue) { $0.expired < UInt64(jobs) }
        try await measure(.vanish) { try await wait(for: queue) { $0.expired == 0 } }
        try await drop(queue)
    }

    private func tooSlow() -> BenchError {
        .misbehaved("the queue was not full when its jobs were due: the machine is too busy")
    }

    // MARK: Parts

    private func name(_ part: String) -> String { "\(options.queuePrefix)-\(part)" }

    /// Submits as many jobs as were asked for, in batches; `say` is asked for the options of each.
    private func fill(
        _ queue: String, _ say: (inout SubmitOptions.Fields) -> Void
    ) async throws {
        var bytes = ByteBuffer()
        JobPayload(options.payload, seed: options.seed).write(
            JobStamp(index: 0, sentAt: 0), to: &bytes)
        let item = SubmitItem(payload: .plain(bytes))
        for start in stride(from: 0, to: jobs, by: MassSession.batch) {
            let count = min(MassSession.batch, jobs - start)
            let submit = Submit(
                queue: queue, type: BenchOptions.jobType, durability: options.durability,
                items: Array(repeating: item, count: count), options: .with { say(&$0) })
            let answer = try await caller.call(submit, Submitted.self)
            for case .refused(let error, _) in answer.runs {
                throw BenchError.refused(error.code, message: error.message)
            }
        }
    }

    private func carryOut(
        _ action: JobAction, _ queue: String, _ actOptions: ActOptions = ActOptions()
    ) async throws {
        var info = try await caller.call(
            ActAll(action, queue: queue, options: actOptions), ActionInfo.self)
        while info.state == .running {
            let wait = ActionGet(
                action: info.id, waitMilliseconds: Limits.actionWaitMillisecondsMax)
            info = try await caller.call(wait, ActionInfo.self)
        }
        guard info.changed == UInt64(jobs) else {
            throw BenchError.misbehaved(
                "\(action) changed \(info.changed.grouped) jobs of \(jobs.grouped)")
        }
    }

    private func drop(_ queue: String) async throws {
        _ = try await caller.call(QueueDelete(queue: queue, withJobs: true), Done.self)
        try await wait(for: queue) { _ in false }
    }

    /// Waits until a queue is as it should be, or is gone.
    private func wait(for queue: String, _ isThere: (QueueInfo) -> Bool) async throws {
        while let info = try await look(at: queue), !isThere(info) {
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    private func look(at queue: String) async throws -> QueueInfo? {
        do {
            return try await caller.call(Queues(queue: queue), QueuePage.self).queues.first
        } catch BenchError.refused(.queueNotFound, _) {
            return nil
        }
    }

    /// - Parameter instant: when it begins, milliseconds since 1970.
    private func measure(
        _ change: MassChange, from instant: UInt64 = 0, _ body: () async throws -> Void
    ) async throws {
        var begin: UInt64 = 0
        let latency = try await pings.measure {
            let now = MassSession.now()
            if instant > now { try await Task.sleep(for: .milliseconds(instant - now)) }
            begin = LoadClock.now()
            try await body()
        }
        let seconds = Double(LoadClock.now() - begin) / 1e9
        var result = WorkloadResult(
            .mass, options: options, connections: 1, outstanding: 1, seconds: seconds,
            latency: latency, verdict: DeliveryVerdict(acknowledged: jobs))
        result.part = change.rawValue
        results.append(result)
        report(.measured(result))
    }

    /// Milliseconds since 1970: what the server's timers are set by, when it runs on this machine.
    private static func now() -> UInt64 { UInt64(Date().timeIntervalSince1970 * 1_000) }
}
