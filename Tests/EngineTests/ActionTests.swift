import TestSupport
import Testing

@testable import Engine

/// Retry, edit, reprioritise, delete and purge of single jobs.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct ActionTests {
    private func harnessWithDeadJob() throws -> EngineHarness {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(payload: pattern(50), options: JobOptions(maxAttempts: 1))
        try harness.run(1, .fail("no paper"))
        return harness
    }

    // MARK: Retry

    @Test func `a dead job that is retried is ready, with its counters at zero`() throws {
        let harness = try harnessWithDeadJob()
        harness.now += 1_000
        #expect(try harness.act(.retry, on: 1) == .done(.ready))
        let job = try #require(try harness.inspect(1))
        #expect(job.state == .ready)
        #expect((job.failures, job.finishedAt, job.vanishesAt) == (0, 0, 0))
        #expect(job.error == "no paper")
        #expect(job.retried?.times == 1)
        #expect(job.retried?.last == harness.now)
        #expect(job.retried?.from == .dead)
        #expect(try harness.deliver().jobs.first?.payload == pattern(50))
        try harness.advance(JobOptions.defaultRetainDead * 2)
        #expect(try harness.rowCount(Tables.jobs) == 1)
    }

    @Test func `counters are kept when that is asked`() throws {
        let harness = try harnessWithDeadJob()
        var action = JobAction(.retry)
        action.keepsCounters = true
        try harness.act(action, on: 1)
        #expect(try harness.inspect(1)?.failures == 1)
        try harness.run(1, .fail())
        #expect(try harness.state(1) == .dead)
        #expect(try harness.inspect(1)?.failures == 2)
    }

    @Test func `a retry may wait for an instant`() throws {
        let harness = try harnessWithDeadJob()
        var action = JobAction(.retry)
        action.runAt = harness.now + 5_000
        #expect(try harness.act(action, on: 1) == .done(.scheduled))
        try harness.advance(4_999)
        #expect(try harness.state(1) == .scheduled)
        try harness.advance(1)
        #expect(try harness.state(1) == .ready)
    }

    @Test func `a job that waits for its backoff is retried at once`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        harness.random = .max
        try harness.submit(options: JobOptions(backoff: Backoff(base: 5_000, cap: 5_000)))
        try harness.run(1, .fail())
        #expect(try harness.act(.retry, on: 1) == .done(.ready))
        #expect(try harness.rowCount(Tables.timers) == 0)
        #expect(try harness.deliver().ids == [1])
    }

    @Test func `cancelled and expired jobs are retried, without the expiry that is over`() throws {
        let harness = try EngineHarness()
        var options = JobOptions()
        options.timeToLive = 1_000
        try harness.submit(count: 2, options: options)
        try harness.cancel(1)
        #expect(try harness.act(.retry, on: 1) == .done(.ready))
        try harness.advance(1_000)
        #expect(try harness.state(1) == .expired)
        #expect(try harness.act(.retry, on: 1) == .done(.ready))
        #expect(try harness.act(.retry, on: 2) == .done(.ready))
        try harness.advance(100_000)
        #expect(try harness.state(1) == .ready)
        #expect(try harness.inspect(1)?.retried?.times == 2)
    }

    // MARK: Edit

    @Test func `a waiting job's priority, tags and limits are edited`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 2)
        let done = try harness.edit(2) { edit in
            edit.priority = 200
            edit.tags = harness.tags("red", "blue")
            edit.timeout = 7_000
        }
        #expect(done == .done(.ready))
        let job = try #require(try harness.inspect(2))
        #expect((job.priority, job.timeout) == (200, 7_000))
        #expect(job.tags == Array(harness.tags("red", "blue")))
        #expect(try harness.deliver().ids == [2, 1])
    }

    @Test(arguments: [(10, 4_000), (4_000, 10), (4_000, 9_000), (10, 20)])
    func `a payload takes the place of the old one`(_ bytes: (Int, Int)) throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(payload: pattern(bytes.0))
        try harness.edit(1) { $0.payload = harness.stored(pattern(bytes.1, seed: 3)) }
        #expect(try harness.statistics().waitingBytes == UInt64(bytes.1))
        #expect(try harness.deliver().jobs.first?.payload == pattern(bytes.1, seed: 3))
    }

    @Test func `an edited time puts a ready job off and brings a scheduled one forward`() throws {
        let harness = try EngineHarness()
        try harness.submit()
        let later = harness.now + 5_000
        #expect(try harness.edit(1) { $0.runAt = later } == .done(.scheduled))
        #expect(try harness.inspect(1)?.dueAt == later)
        #expect(try harness.edit(1) { $0.runAt = 1 } == .done(.ready))
        #expect(try harness.rowCount(Tables.timers) == 0)
    }

    @Test func `an edited time to live counts from now`() throws {
        let harness = try EngineHarness()
        var options = JobOptions()
        options.timeToLive = 1_000
        try harness.submit(count: 2, options: options)
        try harness.edit(1) { $0.timeToLive = 9_000 }
        try harness.advance(1_000)
        #expect(try harness.state(1) == .ready)
        #expect(try harness.state(2) == .expired)
        try harness.advance(8_000)
        #expect(try harness.state(1) == .expired)
    }

    @Test func `a dead job is edited where it is, and its time counts when it is retried`() throws {
        let harness = try harnessWithDeadJob()
        let later = harness.now + 5_000
        let done = try harness.edit(1) { edit in
            edit.payload = harness.stored(pattern(3_000))
            edit.runAt = later
        }
        #expect(done == .done(.dead))
        #expect(try harness.act(.retry, on: 1) == .done(.scheduled))
        #expect(try harness.inspect(1)?.dueAt == later)
    }

    @Test func `a reprioritised job takes its place among its new equals`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 3)
        var action = JobAction(.reprioritise)
        action.priority = 129
        #expect(try harness.act(action, on: 3) == .done(.ready))
        #expect(try harness.act(action, on: 2) == .done(.ready))
        #expect(try harness.deliver().ids == [2, 3, 1])
    }

    // MARK: Delete and purge

    @Test func `a deleted job leaves nothing`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 3, payload: pattern(9_000), options: JobOptions(maxAttempts: 1))
        let delivery = try harness.deliver()
        #expect(try harness.log(3, delivery.token, "line"))
        try harness.settle(1, delivery.token, .complete(pattern(9_000)))
        try harness.settle(2, delivery.token, .fail())
        try harness.settle(3, delivery.token, .fail())
        for id in delivery.ids { #expect(try harness.act(.delete, on: id) == .done(nil)) }
        for table in [Tables.jobs, Tables.pieces, Tables.index, Tables.timers, Tables.notes] {
            #expect(try harness.rowCount(table) == 0)
        }
        let queue = try harness.statistics()
        #expect((queue.retained, queue.dead, queue.totals.completed) == (0, 0, 1))
    }

    @Test func `purge takes waiting jobs too, and whoever waits for one hears of it`() throws {
        let harness = try EngineHarness()
        var options = JobOptions()
        options.timeToLive = 9_000
        try harness.submit(count: 2, options: options)
        options.delay = 5_000
        try harness.submit(options: options)
        harness.engine.watched = [2]
        for id in [1, 2, 3] as [UInt64] { #expect(try harness.act(.purge, on: id) == .done(nil)) }
        #expect(try harness.rowCount(Tables.jobs) == 0)
        #expect(try harness.rowCount(Tables.timers) == 0)
        #expect(try harness.act(.purge, on: 1) == .notFound)
    }

    // MARK: States

    /// The columns of the protocol's table that refuse.
    @Test(arguments: [
        (JobAction.Kind.retry, [JobState.running, .completed]),
        (.reprioritise, [.running, .completed, .cancelled, .expired]),
        (.delete, [.scheduled, .ready, .running]),
        (.purge, [.running]),
    ])
    func `an action that a state does not allow changes nothing`(
        _ kind: JobAction.Kind, _ states: [JobState]
    ) throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        let ids = try harness.submitOneOfEach()
        for (state, id) in ids {
            let before = try harness.dump()
            let outcome = try harness.act(kind, on: id)
            if states.contains(state) {
                #expect(outcome == .isInState(state))
                #expect(try harness.dump() == before)
            } else {
                #expect(outcome != .isInState(state))
            }
        }
    }
}
