import Store
import TestSupport
import Testing

@testable import Engine

/// Workers that leave, vanish and come back.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct SessionTests {
    private func working(grace: UInt64 = 15_000, _ count: Int = 3) throws -> (
        EngineHarness, Delivery
    ) {
        let harness = try EngineHarness(grace: grace)
        try harness.openSession(1)
        try harness.submit(count: count)
        return (harness, try harness.deliver(lease: 600_000))
    }

    @Test func `a worker that comes back within the grace keeps its leases`() throws {
        let (harness, delivery) = try working()
        try harness.disconnect(1)
        try harness.advance(14_999)
        #expect(try harness.resume(1))
        try harness.advance(100_000)
        for id in delivery.ids { #expect(try harness.settle(id, delivery.token) != nil) }
        #expect(try harness.inspect(1)?.attempts == 1)
    }

    @Test func `what a vanished worker held is given back as crashes when the grace is over`()
        throws
    {
        let (harness, delivery) = try working()
        try harness.settle(2, delivery.token)
        try harness.disconnect(1)
        try harness.advance(14_999)
        #expect(try harness.state(1) == .running)
        try harness.advance(1)
        let job = try #require(try harness.inspect(1))
        #expect(job.state == .ready)
        #expect((job.crashes, job.error) == (1, "the worker vanished"))
        #expect(try harness.settle(1, delivery.token) == nil)
        #expect(try harness.resume(1) == false)
        #expect(try harness.rowCount(Tables.sessions) == 0)
        #expect(try harness.verify().ready(1) == [1, 3])
    }

    @Test func `what a leaving worker holds is given back as interruptions`() throws {
        let (harness, delivery) = try working()
        try harness.turn { rows in try harness.engine.endSession(1, rows) }
        for id in delivery.ids {
            let job = try #require(try harness.inspect(id))
            #expect(job.state == .ready)
            #expect((job.crashes, job.interruptions) == (0, 1))
        }
        #expect(try harness.rowCount(Tables.sessions) == 0)
        #expect(try harness.resume(1) == false)
    }

    @Test func `a goodbye is remembered until the last job is given back`() throws {
        let harness = try EngineHarness()
        harness.verifies = false
        try harness.openSession(1)
        try harness.submit(count: 6_000)
        while try harness.deliver(lease: 600_000).jobs.count > 0 {}
        try harness.turn { rows in try harness.engine.endSession(1, rows) }
        #expect(try harness.statistics().running > 0)
        try harness.crash()
        #expect(try harness.resume(1) == false)
        try harness.advance()
        #expect(try harness.statistics().ready == 6_000)
        for id in [1, 3_000, 6_000] as [UInt64] {
            #expect(try harness.inspect(id)?.crashes == 0)
            #expect(try harness.inspect(id)?.interruptions == 1)
        }
        #expect(try harness.rowCount(Tables.sessions) == 0)
        try harness.verify()
    }

    @Test func `a broker restart runs no job twice while its worker lives`() throws {
        let (harness, delivery) = try working()
        try harness.crash(after: 60_000)
        #expect(try harness.deliver(to: 2).ids == [])
        try harness.advance(14_000)
        #expect(try harness.resume(1))
        try harness.advance(14_000)
        for id in delivery.ids { #expect(try harness.settle(id, delivery.token) != nil) }
        #expect(try harness.statistics().totals.completed == 3)
    }

    @Test func `a worker that does not come back after a restart has its grace and no more`() throws
    {
        let (harness, _) = try working()
        try harness.restart(after: 60_000)
        try harness.advance(14_999)
        #expect(try harness.state(1) == .running)
        try harness.advance(1)
        #expect(try harness.inspect(1)?.crashes == 1)
    }

    @Test func `only who knows the secret may go on with a session`() throws {
        let (harness, _) = try working()
        try harness.disconnect(1)
        let resumed = try harness.turn { rows in
            try harness.engine.resumeSession(1, secret: 99, rows)
        }
        #expect(!resumed)
        #expect(try harness.resume(1))
    }

    @Test func `a session that never subscribed leaves no row`() throws {
        let harness = try EngineHarness()
        try harness.turn { rows in
            harness.engine.openSession(5, secret: 6)
            try harness.engine.disconnectSession(5, rows)
        }
        #expect(harness.engine.sessionCount == 0)
        #expect(try harness.rowCount(Tables.sessions) == 0)
    }

    @Test func `breaking and resuming again and again leaves one timer at most`() throws {
        let (harness, _) = try working()
        for _ in 0..<5 {
            try harness.disconnect(1)
            try harness.advance(10_000)
            #expect(try harness.resume(1))
        }
        #expect(try harness.verify().timers.filter { $0.kind == .session }.isEmpty)
        try harness.advance(20_000)
        #expect(try harness.state(1) == .running)
    }

    @Test func `a worker with very many leases is given back in bounded turns`() throws {
        let harness = try EngineHarness()
        harness.verifies = false
        try harness.openSession(1)
        try harness.openSession(2)
        try harness.submit(count: 9_000)
        for _ in 0..<15 { _ = try harness.deliver(to: 1) }
        let kept = try harness.deliver(to: 2)
        for _ in 0..<15 { _ = try harness.deliver(to: 1) }
        try harness.turn { rows in try harness.engine.endSession(1, rows) }
        let ready = try harness.statistics().ready
        #expect(ready > 1_320)
        #expect(ready <= 1_320 + UInt64(EngineLimits.stepsPerTurn) + 512)
        try harness.crash()
        #expect(try harness.resume(2))
        try harness.advance(15_000)
        let queue = try harness.statistics()
        #expect((queue.ready, queue.running) == (8_744, 256))
        #expect(try harness.state(kept.ids[0]) == .running)
        try harness.verify()
    }
}
