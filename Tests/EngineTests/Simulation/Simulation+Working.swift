import Store

@testable import Engine

extension Simulation {
    func deliver(_ rows: borrowing Transaction) throws {
        let connected = model.sessions.filter { $0.value == nil }.keys.sorted()
        guard let session = dice.pick(connected), let queue = dice.pick(Simulation.queues) else {
            return
        }
        let hasReady = harness.engine.hasReady(try harness.index(queue))
        let isPaused = model.queues[queue]?.isPaused ?? false
        try expect(
            hasReady == (!isPaused && !model.ready(queue).isEmpty),
            "\(queue) has jobs to deliver: \(hasReady)")
        guard hasReady else { return }
        let max = dice.number(1...6)
        let bytes = dice.once(in: 3) ? dice.number(0...4_000) : 100_000
        let mayExceed = dice.once(in: 2)
        let lease = UInt64(dice.number(1...15) * 1_000)
        let expected = model.deliver(
            queue, to: session, max: max, bytes: bytes, mayExceed: mayExceed, lease: lease)
        let delivery = try harness.deliver(
            queue, to: session, max: max, bytes: bytes, mayExceed: mayExceed, lease: lease, rows)
        tell("deliver from \(queue) to \(session) for \(lease): \(delivery.ids)")
        try expect(delivery.ids == expected, "\(queue) delivered \(delivery.ids), not \(expected)")
        for job in delivery.jobs {
            try compare(job)
            deliveries.append((job.id, delivery.token, session))
        }
    }

    private func compare(_ delivered: Delivery.Job) throws {
        guard let job = model.jobs[delivered.id] else { return }
        try expect(
            delivered.payload == job.payload, "the payload of job \(delivered.id) is another")
        try expect(
            delivered.checkpoint == job.checkpoint,
            "job \(delivered.id) came with \(delivered.checkpoint), not \(job.checkpoint)")
        try expect(
            delivered.headers == wireTexts(job.headers),
            "job \(delivered.id) came with the headers \(delivered.headers)")
        try expect(
            (delivered.failures, delivered.crashes, delivered.interruptions)
                == (job.failures, job.crashes, job.interruptions),
            "job \(delivered.id) was delivered with other counters")
    }

    // MARK: Settling

    func settleRunning(_ rows: borrowing Transaction) throws {
        let running = model.jobs.filter { $0.value.run != nil }.keys.sorted()
        guard let id = dice.pick(running), let run = model.jobs[id]?.run else { return }
        try settle(id, run.token, run.session, rows)
    }

    /// Mostly stale or foreign.
    func settleAny(_ rows: borrowing Transaction) throws {
        guard let (id, token, session) = dice.pick(deliveries.suffix(60)) else { return }
        let other = dice.once(in: 4) ? session + 1 : session
        try settle(id, token &+ (dice.once(in: 4) ? 1 : 0), other, rows)
    }

    /// Consecutive jobs as one delivery brought them, or nearly; some of them twice.
    func completeRun(_ rows: borrowing Transaction) throws {
        let running = model.jobs.filter { $0.value.run != nil }.keys.sorted()
        let held = dice.pick(running).flatMap { id in model.jobs[id]?.run.map { (id, $0) } }
        guard let (id, run) = held else { return }
        let first = id - min(id - 1, UInt64(dice.number(0...3)))
        let jobs = JobRun(first: first, count: UInt32(dice.number(1...8)))
        let token = run.token &+ (dice.once(in: 12) ? 1 : 0)
        let session = dice.once(in: 12) ? run.session + 1 : run.session
        for _ in 0..<(dice.once(in: 4) ? 2 : 1) {
            let ids = jobs.first..<jobs.end
            let expected = ids.map { model.settle($0, token, by: session, .complete()) }
            let answers = try harness.complete(jobs, token, by: session, rows)
            tell("jobs \(ids) of session \(session), token \(token), completed: \(answers)")
            try expect(answers == expected, "jobs \(ids) completed with \(token): \(answers)")
        }
    }

    private func settle(
        _ id: UInt64, _ token: UInt64, _ session: UInt64, _ rows: borrowing Transaction
    ) throws {
        let outcome: Outcome =
            switch dice.number(1...10) {
            case 1...3: .complete(dice.once(in: 2) ? pattern(dice.number(0...3_000)) : nil)
            case 4...7: .failedAs(dice.failure())
            case 8: .release
            default: .extend(UInt64(dice.pick([2_500, 5_000, 10_000, 30_000]) ?? 0))
            }
        let isExpected = model.settle(id, token, by: session, outcome)
        let credit = try harness.settle(id, token, by: session, outcome, rows)
        tell("job \(id) of session \(session), token \(token): \(outcome): \(credit != nil)")
        try expect(
            (credit != nil) == isExpected, "job \(id) \(outcome) with \(token): \(credit != nil)")
    }

    // MARK: Notes

    func takeNotes(_ rows: borrowing Transaction) throws {
        guard let (id, token, session) = dice.pick(deliveries.suffix(20)) else { return }
        let isExpected = model.isHeld(id, token, by: session)
        let engine = harness.engine
        let isHeld: Bool
        switch dice.number(1...3) {
        case 1:
            let done = UInt16(dice.number(0...10_000))
            isHeld = try engine.progress(
                id, token: token, session: session, done: done, message: "…", rows)
            if isExpected {
                model.jobs[id]?.run?.progress = done
                model.tell(.progress, id, .running)
            }
        case 2:
            let lines = (0..<dice.number(1...3)).map { "line \($0) of \(token)" }
            isHeld = try harness.log(id, token, by: session, lines, rows)
            if isExpected { model.jobs[id]?.logs += lines }
        default:
            let bytes = pattern(dice.pick([0, 5, 5, 3_000]) ?? 0, seed: token)
            isHeld = try harness.checkpoint(id, token, by: session, bytes, rows)
            if isExpected { model.jobs[id]?.checkpoint = bytes }
        }
        tell("job \(id) of session \(session), token \(token): notes: \(isHeld)")
        try expect(isHeld == isExpected, "notes on job \(id) with \(token): \(isHeld)")
    }
}

extension Dice {
    mutating func failure() -> FailureWish {
        var failure = FailureWish(
            message: pick(["no route", "no memory"]) ?? "", fingerprint: UInt64(number(1...2)))
        failure.retryAfter = once(in: 5) ? UInt64(number(0...3_000)) : nil
        failure.isDiscard = once(in: 8)
        return failure
    }
}
