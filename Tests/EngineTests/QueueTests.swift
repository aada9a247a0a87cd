import Store
import TestSupport
import Testing

@testable import Engine

/// Queues and what is shown of them and their jobs.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct QueueTests {
    @Test func `queues are made up to the limit, and known ones stay usable`() throws {
        let harness = try EngineHarness(queuesMax: 3)
        try harness.turn { _ in
            for name in ["a", "b", "c"] { #expect(harness.engine.queue(named: name) != nil) }
            #expect(harness.engine.queue(named: "d") == nil)
            #expect(harness.engine.queue(named: "b") != nil)
        }
        try harness.restart()
        try harness.turn { _ in
            #expect(harness.engine.queue(named: "d") == nil)
            #expect(harness.engine.knownQueue(named: "d") == nil)
            #expect(
                harness.engine.allQueues.map { harness.engine.name(of: $0) } == ["a", "b", "c"])
        }
    }

    @Test func `statistics name the oldest ready job's age`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        let start = harness.now
        try harness.submit()
        harness.now += 700
        try harness.submit()
        #expect(try harness.statistics().oldestReady == start)
        let delivery = try harness.deliver(max: 1)
        #expect(try harness.statistics().oldestReady == start + 700)
        try harness.settle(1, delivery.token, .release)
        #expect(try harness.statistics().oldestReady == start)
        _ = try harness.deliver()
        #expect(try harness.statistics().oldestReady == 0)
    }

    @Test func `statistics are the same after a restart`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 10, options: JobOptions(maxAttempts: 2))
        let delivery = try harness.deliver(max: 6)
        try harness.settle(1, delivery.token)
        try harness.settle(2, delivery.token, .fail())
        var before = try harness.statistics()
        #expect(before.lastMinute == MinuteRates(submitted: 10, completed: 1, failed: 1))
        try harness.crash()
        before.lastMinute = MinuteRates()
        #expect(try harness.statistics() == before)
        #expect((before.ready, before.running, before.scheduled) == (4, 4, 1))
        #expect(
            before.totals
                == QueueTotals(submitted: 10, completed: 1, rawBytes: 60, bytes: 30))
    }

    // MARK: Inspecting

    @Test func `a job is shown in every state`() throws {
        let harness = try EngineHarness(grace: 100)
        harness.random = .max
        try harness.openSession(1)
        let options = JobOptions(maxAttempts: 2, backoff: Backoff(base: 60_000, cap: 60_000))
        try harness.submit(type: "Grüße", options: options)
        let created = harness.now
        #expect(try harness.inspect(2) == nil)
        let ready = try #require(try harness.inspect(1))
        #expect((ready.state, ready.attempts, ready.type) == (.ready, 0, "Grüße"))
        #expect((ready.createdAt, ready.startedAt, ready.maxAttempts) == (created, 0, 2))

        harness.now += 10
        let delivery = try harness.deliver(lease: 5_000)
        let running = try #require(try harness.inspect(1))
        #expect((running.state, running.attempts) == (.running, 1))
        #expect((running.startedAt, running.leaseEnds) == (created + 10, created + 5_010))
        #expect(running.session == 1)

        harness.now += 10
        try harness.settle(1, delivery.token, .fail("first"))
        let scheduled = try #require(try harness.inspect(1))
        #expect((scheduled.state, scheduled.attempts, scheduled.failures) == (.scheduled, 1, 1))
        #expect((scheduled.session, scheduled.leaseEnds) == (0, 0))
        #expect(scheduled.dueAt > harness.now)

        try harness.advance(60_000)
        let again = try harness.deliver()
        try harness.settle(1, again.token, .fail("last"))
        let dead = try #require(try harness.inspect(1))
        #expect((dead.state, dead.attempts, dead.error) == (.dead, 2, "last"))
        #expect((dead.startedAt, dead.finishedAt, dead.dueAt) == (harness.now, harness.now, 0))
    }

    @Test func `a look in the middle of a turn sees everything before it`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 3)
        let delivery = try harness.deliver(max: 2)
        try harness.turn { rows in
            func state(_ id: UInt64, _ rows: borrowing Transaction) throws -> JobState? {
                try harness.engine.inspect(id, withPayload: false, withResult: false, rows)?.state
            }
            let new = try harness.submit("mail", rows)
            #expect(try state(new, rows) == .ready)
            _ = try harness.settle(1, delivery.token, .complete(), rows)
            #expect(try state(1, rows) == .completed)
            #expect(try state(2, rows) == .running)
            _ = try harness.settle(2, delivery.token, .extend(90_000), rows)
            _ = try harness.settle(2, delivery.token, .release, rows)
            #expect(try state(2, rows) == .ready)
        } delivering: { rows in
            let next = try harness.deliver("mail", to: 1, max: 2, rows)
            #expect(next.ids == [2, 3])
        }
        #expect(try harness.state(2) == .running)
    }
}
