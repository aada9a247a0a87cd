import Store
import TestSupport
import Testing

@testable import Engine

/// How long finished jobs are kept, and that nothing of them stays.
@Suite(.fewAtATime, .timeLimit(.minutes(2)))
struct RetentionTests {
    /// Tables in which a job that is gone must have left no row.
    private let tables = [
        Tables.jobs, Tables.pieces, Tables.index, Tables.leases, Tables.timers, Tables.notes,
    ]

    private func rowsLeft(_ harness: EngineHarness) throws -> Int {
        try tables.map { try harness.rowCount($0) }.reduce(0, +)
    }

    @Test func `a completed job is kept as long as was said, then gone`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(options: JobOptions(retainCompleted: 60_000))
        try harness.settle(try harness.deliver(), .complete(pattern(5_000)))
        try harness.advance(59_999)
        #expect(try harness.state(1) == .completed)
        try harness.advance(1_000)
        #expect(try harness.inspect(1) == nil)
        #expect(try rowsLeft(harness) == 0)
        let queue = try harness.statistics()
        #expect((queue.totals.completed, queue.retained) == (1, 0))
    }

    @Test func `a dead job is kept for its own time`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        let options = JobOptions(maxAttempts: 1, retainCompleted: 0, retainDead: 5_000)
        try harness.submit(payload: pattern(4_000), options: options)
        try harness.settle(try harness.deliver(), .fail())
        try harness.advance(4_999)
        #expect(try harness.inspect(1)?.payload?.bytes == pattern(4_000))
        try harness.advance(1_000)
        #expect(try harness.state(1) == nil)
        #expect(try rowsLeft(harness) == 0)
        #expect(try harness.statistics().dead == 0)
    }

    @Test(arguments: [10, 1_800, 1_801, 20_000])
    func `without retention nothing stays`(_ bytes: Int) throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        let options = JobOptions(maxAttempts: 1, retainCompleted: 0, retainDead: 0)
        try harness.submit(count: 3, payload: pattern(bytes), options: options)
        let delivery = try harness.deliver()
        #expect(try harness.progress(1, delivery.token))
        try harness.settle(1, delivery.token, .complete(pattern(bytes)))
        try harness.settle(2, delivery.token, .fail())
        try harness.advance(30_000)
        #expect(try rowsLeft(harness) == 0)
        let queue = try harness.statistics()
        #expect((queue.totals.completed, queue.retained, queue.dead, queue.running) == (1, 0, 0, 0))
    }

    @Test func `a job that somebody waits for is kept a while even without retention`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        let options = JobOptions(maxAttempts: 1, retainCompleted: 0, retainDead: 0)
        try harness.submit(count: 2, options: options)
        harness.engine.watched = [1, 2]
        let delivery = try harness.deliver()
        try harness.turn { rows in
            _ = try harness.settle(1, delivery.token, .complete([42]), rows)
            _ = try harness.settle(2, delivery.token, .fail("no"), rows)
            #expect(harness.engine.finishedWatched == [1, 2])
        }
        #expect(try harness.inspect(1)?.result?.bytes == [42])
        #expect(try harness.inspect(2)?.error == "no")
        try harness.advance(11_000)
        #expect(try rowsLeft(harness) == 0)
    }

    @Test func `jobs that finish together share a row`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 256)
        try harness.settle(try harness.deliver())
        #expect(try harness.verify().timers.filter { $0.kind == .retention }.count == 1)
    }

    @Test func `jobs that finish in any order share a few rows`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 1_000)
        let deliveries = try (0..<4).map { _ in try harness.deliver() }
        try harness.turn { rows in
            for delivery in deliveries {
                for id in delivery.ids.reversed() {
                    _ = try harness.settle(id, delivery.token, .complete(), rows)
                }
            }
        }
        #expect(try harness.verify().timers.filter { $0.kind == .retention }.count == 1)
        try harness.advance(JobOptions.defaultRetainCompleted + 1_000)
        #expect(try rowsLeft(harness) == 0)
    }

    @Test func `twenty thousand jobs vanish at once in bounded turns`() throws {
        let harness = try EngineHarness()
        harness.verifies = false
        try harness.openSession(1)
        let options = JobOptions(retainCompleted: 3_600_000)
        for _ in 0..<4 { try harness.submit(count: 5_000, options: options) }
        while case let delivery = try harness.deliver(), !delivery.jobs.isEmpty {
            try harness.settle(delivery)
        }
        harness.now += 3_601_000
        var left = UInt64(20_000)
        var turns = 0
        while left > 0 {
            try harness.tick()
            let retained = try harness.statistics().retained
            #expect(left - retained <= UInt64(EngineLimits.stepsPerTurn))
            #expect(left > retained)
            guard left > retained else { break }
            if retained > 0 { #expect(harness.nextTurnAt == harness.now) }
            left = retained
            turns += 1
        }
        #expect(turns >= 10)
        #expect(try rowsLeft(harness) == 0)
    }

    @Test func `jobs with long payloads vanish few at a time`() throws {
        let harness = try EngineHarness()
        harness.verifies = false
        try harness.openSession(1)
        let options = JobOptions(maxAttempts: 1, retainDead: 1_000)
        try harness.submit(count: 46, payload: pattern(400_000), options: options)
        try harness.settle(try harness.deliver(), .fail())
        harness.now += 2_000
        try harness.tick()
        #expect(try harness.statistics().dead >= 15)
        #expect(harness.nextTurnAt == harness.now)
        try harness.advance()
        #expect(try rowsLeft(harness) == 0)
    }

    @Test func `a crash while jobs vanish forgets none of them`() throws {
        let harness = try EngineHarness()
        harness.verifies = false
        try harness.openSession(1)
        try harness.submit(count: 5_000, options: JobOptions(retainCompleted: 1_000))
        while case let delivery = try harness.deliver(), !delivery.jobs.isEmpty {
            try harness.settle(delivery)
        }
        harness.now += 2_000
        try harness.tick()
        try harness.crash()
        try harness.verify()
        try harness.advance(1)
        #expect(try harness.rowCount(Tables.jobs) == 0)
    }
}
