import Store
import Testing

@testable import Engine

extension Simulation {
    /// A job's payload follows from its id.
    func payload(of id: UInt64) -> [UInt8] {
        pattern(id.isMultiple(of: 9) ? 1_700 + Int(id % 4_000) : Int(id % 50) + 1, seed: id)
    }

    func submit(_ rows: borrowing Transaction) throws {
        guard model.jobs.count < 400, let queue = dice.pick(Simulation.queues) else { return }
        let options = JobOptions(
            maxAttempts: dice.pick([1, 2, 3, nil]) ?? nil,
            backoff: dice.once(in: 4) ? nil : Backoff(base: 200, cap: 5_000),
            retainCompleted: dice.pick([0, 1_000, 5_000, 30_000]),
            retainDead: dice.pick([0, 3_000, 20_000]))
        for _ in 0..<dice.number(1...8) { _ = try submit(queue, options, rows) }
    }

    @discardableResult
    private func submit(
        _ queue: String, _ options: JobOptions, _ rows: borrowing Transaction
    ) throws -> UInt64 {
        let payload = payload(of: model.nextJob)
        let expected = model.submit(queue, payloadBytes: payload.count, options)
        let id = try harness.submit(queue, payload: payload, options: options, rows)
        expect(id == expected, "job \(id) should be job \(expected)")
        return id
    }

    /// A request with a sequence number, new or repeated.
    func submitOnce(_ rows: borrowing Transaction) throws {
        let producer = UInt64(dice.number(1...3))
        let sequence = UInt64(dice.number(1...40))
        let precedent = try harness.engine.precedent(
            producer: producer, sequence: sequence, floor: 1, rows)
        if let known = producers[producer]?[sequence] {
            return expect(precedent == .jobs(known), "\(sequence) was \(known), not \(precedent)")
        }
        expect(precedent == .none, "\(sequence) of \(producer) is new, not \(precedent)")
        let jobs = JobRun(first: model.nextJob, count: UInt32(dice.number(1...3)))
        for _ in 0..<jobs.count { try submit("mail", JobOptions(retainCompleted: 100), rows) }
        try harness.engine.remember(producer: producer, sequence: sequence, jobs, rows)
        producers[producer, default: [:]][sequence] = jobs
    }

    // MARK: Looking

    /// Looks at a job as this turn has left it, and sometimes goes on watching it.
    func look(_ rows: borrowing Transaction) throws {
        guard let id = dice.pick(model.jobs.keys.sorted()), let job = model.jobs[id] else { return }
        let seen = try harness.engine.inspect(id, withPayload: false, withResult: false, rows)
        expect(seen?.state == job.state, "job \(id) looks \(seen.debugDescription), not \(job)")
        guard dice.once(in: 3), !job.state.isFinished else { return }
        harness.engine.watched.insert(id)
        model.watched.insert(id)
    }

    /// Compares everything, after a census of the rows.
    func compare() throws {
        let census = try harness.verify()
        expect(
            census.jobs.count == model.jobs.count,
            "\(census.jobs.count) jobs, not \(model.jobs.count)")
        for (id, job) in model.jobs { compare(id, job, census.jobs[id]) }
        for (id, queue) in census.queues {
            expect(census.ready(id) == model.ready(queue.name), "\(queue.name) is in another order")
            expect(
                queue.totals.completed == model.completed[queue.name, default: 0],
                "\(queue.name): completed")
        }
        let ending = Set(model.ending.keys)
        expect(
            Set(census.sessions.keys).subtracting(ending) == Set(model.sessions.keys),
            "sessions differ")
    }

    private func compare(_ id: UInt64, _ expected: Model.Job, _ found: Census.Job?) {
        guard let found else { return expect(false, "job \(id) is gone, not \(expected)") }
        expect(
            (found.failures, found.crashes, found.interruptions)
                == (expected.failures, expected.crashes, expected.interruptions),
            "job \(id) is \(found), not \(expected)")
        let isRight =
            switch found.places.first {
            case .ready: expected.state == .ready
            case .leased(let key, let deadline, let session):
                expected.state == .running && expected.token == key.token
                    && expected.deadline == deadline && expected.session == session
            case .scheduled(let due): expected.state == .scheduled && expected.due == due
            case .vanishing(let due):
                StoredState(expected.state) == found.state && expected.due == due
            case nil: false
            }
        expect(isRight, "job \(id) is \(found), not \(expected)")
    }
}
