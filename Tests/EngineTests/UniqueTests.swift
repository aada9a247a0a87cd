import Store
import TestSupport
import Testing

@testable import Engine

/// Unique keys: who holds them, until when, and what becomes of those who come later.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct UniqueTests {
    private func harness() throws -> EngineHarness {
        let harness = try EngineHarness()
        try harness.openSession(1)
        return harness
    }

    @Test func `a submission whose key is held is answered with the holder`() throws {
        let harness = try harness()
        #expect(try harness.offer(unique: Unique()) == .accepted(1))
        #expect(try harness.offer(unique: Unique()) == .existing(1))
        #expect(try harness.offer(unique: Unique(policy: .reject)) == .taken(1))
        #expect(try harness.offer(unique: Unique(key: "order 8")) == .accepted(2))
        #expect(try harness.offer("images", unique: Unique()) == .accepted(3))
        #expect(try harness.rowCount(Tables.jobs) == 3)
        #expect(try harness.statistics().totals.submitted == 2)
    }

    @Test func `another payload is a conflict for those who say so`() throws {
        let harness = try harness()
        let strict = Unique(needsSamePayload: true)
        try harness.offer(payload: [1, 2, 3], unique: strict)
        #expect(try harness.offer(payload: [1, 2, 3], unique: strict) == .existing(1))
        #expect(try harness.offer(payload: [1, 2, 3, 4], unique: strict) == .mismatch(1))
        #expect(try harness.offer(payload: [1, 2, 3, 4], unique: Unique()) == .existing(1))
    }

    @Test func `a key of scope waiting is free with the first delivery, for good`() throws {
        let harness = try harness()
        try harness.offer(unique: Unique(scope: .waiting))
        let delivery = try harness.deliver()
        #expect(try harness.rowCount(Tables.unique) == 0)
        #expect(try harness.offer(unique: Unique(scope: .waiting)) == .accepted(2))
        try harness.settle(delivery, .release)
        #expect(try harness.offer(unique: Unique(scope: .waiting)) == .existing(2))
        #expect(try harness.deliver().ids == [1, 2])
    }

    @Test(arguments: [Outcome.complete(), .fail()])
    func `a key of scope active is held until the job is finished`(_ end: Outcome) throws {
        let harness = try harness()
        try harness.offer(unique: Unique(), options: JobOptions(maxAttempts: 1))
        let delivery = try harness.deliver()
        #expect(try harness.offer(unique: Unique()) == .existing(1))
        try harness.settle(delivery, end)
        #expect(try harness.rowCount(Tables.unique) == 0)
        #expect(try harness.offer(unique: Unique()) == .accepted(2))
    }

    @Test func `a key held for a time is held whatever becomes of its job, which stays as long`()
        throws
    {
        let harness = try harness()
        let once = Unique(scope: .period, period: 3_600_000)
        try harness.offer(unique: once, options: JobOptions(retainCompleted: 0))
        try harness.settle(try harness.deliver())
        #expect(try harness.state(1) == .completed)
        try harness.advance(3_599_999)
        #expect(try harness.offer(unique: once) == .existing(1))
        try harness.advance(1)
        #expect(try harness.rowCount(Tables.unique) == 0)
        try harness.advance(1_000)
        #expect(try harness.inspect(1) == nil)
        #expect(try harness.offer(unique: once) == .accepted(2))
    }

    @Test func `a key whose time is over is free before its timer comes`() throws {
        let harness = try harness()
        let once = Unique(scope: .period, period: 5_000)
        try harness.offer(unique: once)
        harness.now += 5_000
        #expect(try harness.offer(unique: once) == .accepted(2))
        #expect(try harness.offer(unique: once) == .existing(2))
    }

    @Test func `a waiting holder is replaced, a running one is not`() throws {
        let harness = try harness()
        let replacing = Unique(policy: .replace)
        try harness.offer(unique: replacing)
        #expect(try harness.offer(unique: replacing) == .accepted(2))
        #expect(try harness.state(1) == .cancelled)
        var delayed = JobOptions()
        delayed.delay = 60_000
        #expect(try harness.offer(unique: replacing, options: delayed) == .accepted(3))
        #expect(try harness.offer(unique: replacing) == .accepted(4))
        #expect(try harness.deliver().ids == [4])
        #expect(try harness.offer(unique: replacing) == .existing(4))
        let queue = try harness.statistics()
        #expect((queue.cancelled, queue.totals.cancelled, queue.scheduled) == (3, 3, 0))
        #expect(queue.waitingBytes == 0)
    }

    @Test func `keys outlive a crash of the broker, and go with their jobs`() throws {
        let harness = try harness()
        try harness.offer(unique: Unique(), options: JobOptions(retainCompleted: 0))
        try harness.crash()
        #expect(try harness.resume(1))
        #expect(try harness.offer(unique: Unique()) == .existing(1))
        try harness.settle(try harness.deliver())
        #expect(try harness.rowCount(Tables.unique) == 0)
        #expect(try harness.rowCount(Tables.jobs) == 0)
    }

    // MARK: Atomic batches

    @Test func `a batch can be checked without a change`() throws {
        let harness = try harness()
        try harness.offer(unique: Unique())
        let before = try harness.dump()
        let keys: [Unique?] = [
            nil, Unique(), Unique(policy: .replace, key: "new"),
            Unique(policy: .reject, key: "new"), Unique(policy: .existing, key: "new"),
        ]
        let answers = try refusals(of: keys, harness)
        #expect(answers == [nil, .existing(1), nil, .taken(0), nil])
        #expect(try harness.dump() == before)
    }

    @Test func `a batch that would overfill its queue is refused before it does`() throws {
        let harness = try harness()
        try harness.submit()
        var settings = QueueSettings()
        settings.depthMax = 3
        try harness.set(settings)
        let answers = try refusals(of: [nil, nil, nil], harness)
        #expect(answers == [nil, nil, .full(limit: 3, actual: 4, ofBytes: false)])
    }

    /// What would keep each job of a batch from being stored.
    private func refusals(
        of keys: [Unique?], _ harness: EngineHarness
    ) throws -> [SubmissionOutcome?] {
        try harness.look { rows in
            var ahead = SubmissionsAhead()
            return try keys.map { key in
                try harness.engine.refusal(
                    of: harness.submission(unique: key), to: harness.index("mail"), ahead: &ahead,
                    rows)
            }
        }
    }
}
