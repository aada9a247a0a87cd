import Store
import TestSupport
import Testing

@testable import Engine

/// Complete, fail, release: what becomes of a job, and what of its counters.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct SettleTests {
    @Test func `a completed job keeps its result and drops its payload`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(payload: pattern(500))
        let started = harness.now
        let delivery = try harness.deliver()
        harness.now += 250
        try harness.settle(1, delivery.token, .complete([9, 8, 7]))
        let job = try #require(try harness.inspect(1))
        #expect(job.state == .completed)
        #expect(job.attempts == 1)
        #expect((job.startedAt, job.finishedAt) == (started, started + 250))
        #expect(job.result?.bytes == [9, 8, 7])
        #expect(job.payload == nil)
        #expect(job.payloadBytes == 1_000)
        #expect(try harness.statistics().running == 0)
        #expect(try harness.statistics().retained == 1)
    }

    @Test func `a failed job waits and comes back with its failure counted`() throws {
        let harness = try EngineHarness()
        harness.random = .max
        try harness.openSession(1)
        try harness.submit(
            payload: pattern(40), options: JobOptions(backoff: Backoff(base: 500, cap: 500)))
        let delivery = try harness.deliver()
        try harness.settle(1, delivery.token, .fail("no paper"))
        let failed = try #require(try harness.inspect(1))
        #expect(failed.state == .scheduled)
        #expect(failed.error == "no paper")
        #expect((0...500).contains(failed.dueAt - harness.now))
        #expect(try harness.statistics().scheduled == 1)
        try harness.advance(500)
        #expect(try harness.state(1) == .ready)
        #expect(try harness.inspect(1)?.dueAt == 0)
        let again = try #require(try harness.deliver().jobs.first)
        #expect((again.failures, again.crashes, again.interruptions) == (1, 0, 0))
        #expect(again.payload == pattern(40))
    }

    @Test func `a job is dead when its failures are used up`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        let options = JobOptions(maxAttempts: 3, backoff: Backoff(base: 1, cap: 1))
        try harness.submit(payload: pattern(9), options: options)
        for attempt in 1...3 {
            let delivery = try harness.deliver()
            try harness.settle(1, delivery.token, .fail("attempt \(attempt)"))
            try harness.advance(1)
        }
        let job = try #require(try harness.inspect(1))
        #expect(job.state == .dead)
        #expect((job.failures, job.attempts) == (3, 3))
        #expect(job.error == "attempt 3")
        #expect(job.payload?.bytes == pattern(9))
        #expect(job.finishedAt > 0)
        #expect(try harness.statistics().dead == 1)
        #expect(try harness.deliver().ids == [])
    }

    @Test func `a job that crashes as often as it may fail is dead`() throws {
        let harness = try EngineHarness(grace: 100)
        try harness.openSession(1)
        try harness.submit(options: JobOptions(maxAttempts: 2))
        for crashes in 1...2 as ClosedRange<UInt16> {
            _ = try harness.deliver(lease: 1_000)
            try harness.advance(1_000)
            #expect(try harness.inspect(1)?.crashes == crashes)
        }
        #expect(try harness.state(1) == .dead)
        #expect(try harness.inspect(1)?.failures == 0)
    }

    @Test func `failures and crashes are counted apart`() throws {
        let harness = try EngineHarness(grace: 100)
        try harness.openSession(1)
        try harness.submit(options: JobOptions(maxAttempts: 2, backoff: Backoff(base: 1, cap: 1)))
        let delivery = try harness.deliver()
        try harness.settle(1, delivery.token, .fail())
        try harness.advance(1)
        _ = try harness.deliver(lease: 1_000)
        try harness.advance(1_000)
        let job = try #require(try harness.inspect(1))
        #expect(job.state == .ready)
        #expect((job.failures, job.crashes) == (1, 1))
    }

    @Test func `interruptions never kill a job`() throws {
        let harness = try EngineHarness()
        harness.verifies = false
        try harness.openSession(1)
        try harness.submit(options: JobOptions(maxAttempts: 1))
        for _ in 0..<70 {
            let delivery = try harness.deliver()
            try harness.settle(1, delivery.token, .release)
        }
        let job = try #require(try harness.inspect(1))
        #expect(job.state == .ready)
        #expect((job.interruptions, job.attempts) == (70, 70))
        #expect(job.error == nil)
    }

    @Test func `progress is shown while the job runs and gone when it does not`() throws {
        let harness = try EngineHarness(grace: 100)
        try harness.openSession(1)
        try harness.submit(count: 4, options: JobOptions(maxAttempts: 1))
        let delivery = try harness.deliver(lease: 5_000)
        for id in delivery.ids {
            #expect(try harness.progress(id, delivery.token, done: 1_234, "Ü"))
        }
        let shown = try #require(try harness.inspect(2)?.progress)
        #expect((shown.done, shown.message) == (1_234, "Ü"))
        try harness.restart()
        #expect(try harness.resume(1))
        try harness.settle(1, delivery.token)
        try harness.settle(2, delivery.token, .fail())
        try harness.settle(3, delivery.token, .release)
        try harness.advance(5_000)
        #expect(try harness.rowCount(Tables.notes) == 0)
    }

    @Test func `a whole batch with every outcome is settled in one turn`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 100, options: JobOptions(maxAttempts: 2))
        let delivery = try harness.deliver()
        try harness.turn { rows in
            for id in delivery.ids {
                let outcome: Outcome =
                    switch id % 4 {
                    case 0: .complete([UInt8(id)])
                    case 1: .fail()
                    case 2: .release
                    default: .extend(60_000)
                    }
                _ = try harness.settle(id, delivery.token, outcome, rows)
            }
        }
        let queue = try harness.statistics()
        #expect((queue.totals.completed, queue.retained, queue.scheduled) == (25, 25, 25))
        #expect((queue.ready, queue.running) == (25, 25))
        #expect(try harness.inspect(44)?.result?.bytes == [44])
    }
}
