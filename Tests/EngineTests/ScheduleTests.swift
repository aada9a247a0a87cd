import Store
import TestSupport
import Testing

@testable import Engine

/// Jobs that are to run later, first, or not for long.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct ScheduleTests {
    private func options(_ change: (inout JobOptions) -> Void) -> JobOptions {
        var options = JobOptions()
        change(&options)
        return options
    }

    // MARK: Delays

    @Test func `a delayed job is ready at its instant and not before`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(options: options { $0.delay = 5_000 })
        #expect(try harness.state(1) == .scheduled)
        #expect(try harness.inspect(1)?.dueAt == harness.now + 5_000)
        try harness.advance(4_999)
        #expect(try harness.deliver().ids == [])
        #expect(harness.nextTurnAt == harness.now + 1)
        try harness.advance(1)
        #expect(try harness.state(1) == .ready)
        #expect(try harness.deliver().ids == [1])
    }

    @Test func `an instant that has passed is now`() throws {
        let harness = try EngineHarness()
        try harness.submit(options: options { $0.runAt = harness.now })
        try harness.submit(options: options { $0.runAt = harness.now - 7_000 })
        try harness.submit(options: options { $0.runAt = harness.now + 1 })
        #expect(try harness.verify().ready(1) == [1, 2])
        #expect(try harness.statistics().scheduled == 1)
    }

    @Test func `jobs that are due at the same instant become ready without a job's row`() throws {
        let harness = try EngineHarness()
        let later = options { $0.runAt = harness.now + 60_000 }
        harness.verifies = false
        for _ in 0..<10 { try harness.submit(count: 2_000, options: later) }
        #expect(try harness.verify().timers.count == 1)
        let rows = try harness.dump().filter { $0.hasPrefix("jobs ") }
        #expect(try harness.advance(60_000) == 1)
        #expect(try harness.statistics().ready == 20_000)
        #expect(try harness.dump().filter { $0.hasPrefix("jobs ") } == rows)
        #expect(try harness.rowCount(Tables.index) == 1)
        #expect(try harness.rowCount(Tables.timers) == 0)
    }

    @Test func `a delay outlives a crash of the broker`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 3, options: options { $0.delay = 30_000 })
        try harness.crash(after: 10_000)
        #expect(try harness.statistics().scheduled == 3)
        try harness.advance(20_000)
        #expect(try harness.resume(1) == false)
        try harness.openSession(2)
        #expect(try harness.deliver(to: 2).ids == [1, 2, 3])
    }

    // MARK: Priorities

    @Test func `the highest priority goes first, the oldest first within it`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        for priority in [128, 0, 255, 200, 128, 255] as [UInt8] {
            try harness.submit(options: options { $0.priority = priority })
        }
        #expect(try harness.deliver().ids == [3, 6, 4, 1, 5, 2])
    }

    @Test func `a job keeps its priority through delay and retry`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 2)
        let urgent = options {
            $0.priority = 200
            $0.delay = 100
            $0.backoff = Backoff(kind: .fixed, jitter: .none, base: 50, cap: 50)
        }
        try harness.submit(options: urgent)
        try harness.advance(100)
        let first = try harness.deliver(max: 1)
        #expect(first.ids == [3])
        try harness.settle(first, .fail())
        try harness.advance(50)
        #expect(try harness.deliver().ids == [3, 1, 2])
    }

    // MARK: Time to live

    @Test func `a job that waits too long expires`() throws {
        let harness = try EngineHarness()
        try harness.submit(options: options { $0.timeToLive = 10_000 })
        try harness.submit(
            options: options {
                $0.timeToLive = 10_000
                $0.delay = 60_000
            })
        try harness.submit()
        try harness.advance(9_999)
        #expect(try harness.state(1) == .ready)
        #expect(try harness.state(2) == .scheduled)
        try harness.advance(1)
        #expect(try harness.state(1) == .expired)
        #expect(try harness.state(2) == .expired)
        let queue = try harness.statistics()
        #expect((queue.ready, queue.scheduled, queue.expired) == (1, 0, 2))
        #expect(queue.totals.expired == 2)
        #expect(queue.waitingBytes == 3)
        try harness.advance(JobOptions.defaultRetainExpired + 1_000)
        #expect(try harness.state(1) == nil)
    }

    @Test func `a running job does not expire, unless it would have to wait again`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 3, options: options { $0.timeToLive = 10_000 })
        let delivery = try harness.deliver(lease: 60_000)
        try harness.advance(11_000)
        #expect(try harness.state(1) == .running)
        try harness.settle(1, delivery.token)
        try harness.settle(2, delivery.token, .fail())
        try harness.settle(3, delivery.token, .release)
        #expect(try harness.state(1) == .completed)
        #expect(try harness.state(2) == .expired)
        #expect(try harness.state(3) == .expired)
    }

    @Test func `a job that ends in time leaves no timer of its expiry`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        let brief = options {
            $0.timeToLive = 10_000
            $0.retainCompleted = 0
        }
        try harness.submit(count: 3, options: brief)
        try harness.settle(try harness.deliver(max: 1))
        #expect(try harness.verify().timers.map(\.jobs) == [JobRun(first: 2, count: 2)])
        try harness.settle(try harness.deliver())
        #expect(try harness.rowCount(Tables.timers) == 0)
    }

    @Test func `thousands that expire at once do so in bounded turns, and none is delivered`()
        throws
    {
        let harness = try EngineHarness()
        harness.verifies = false
        try harness.openSession(1)
        let brief = options { $0.timeToLive = 1_000 }
        for _ in 0..<5 { try harness.submit(count: 2_000, options: brief) }
        harness.now += 1_000
        try harness.tick()
        #expect(try harness.statistics().expired == UInt64(EngineLimits.stepsPerTurn) - 1)
        #expect(harness.nextTurnAt == harness.now)
        #expect(try harness.deliver().ids == [])
        #expect(try harness.statistics().ready == 0)
        try harness.verify()
        try harness.advance()
        #expect(try harness.statistics().expired == 10_000)
        try harness.verify()
    }
}
