import Store
import TestSupport
import Testing

@testable import Engine

/// Deliveries, their rows, their tokens and their ends.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct LeaseTests {
    @Test func `a delivery is one row for all its jobs`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 200)
        let delivery = try harness.deliver()
        let census = try harness.verify()
        #expect(census.leases.keys.map { [$0.first, $0.token] } == [[1, delivery.token]])
        try harness.settle(delivery.ids[17], delivery.token)
        #expect(try harness.verify().leases.values.first?.jobs.offsets.count == 199)
    }

    @Test func `a delivery of distant jobs has a row for each span of ids`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.turn { rows in
            for number in 0..<2_000 {
                _ = try harness.submit(number.isMultiple(of: 100) ? "rare" : "common", rows)
            }
        }
        let delivery = try harness.deliver("rare")
        #expect(delivery.ids.count == 20)
        let leases = try harness.verify().leases
        #expect(leases.keys.map(\.first).sorted() == [1, 601, 1_201, 1_801])
        #expect(leases.keys.allSatisfy { $0.token == delivery.token })
        try harness.settle(delivery)
        #expect(try harness.verify().leases.isEmpty)
        #expect(try harness.statistics("rare").totals.completed == 20)
    }

    @Test func `tokens grow with each delivery, across restarts and crashes`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 2)
        var last: UInt64 = 0
        for round in 0..<6 {
            let delivery = try harness.deliver(max: 1)
            #expect(delivery.token > last)
            last = delivery.token
            try harness.settle(1, delivery.token, .release)
            if round.isMultiple(of: 2) { try harness.restart() } else { try harness.crash() }
            #expect(try harness.resume(1))
        }
    }

    @Test func `a stale token changes nothing`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit()
        let old = try harness.deliver()
        try harness.settle(1, old.token, .release)
        let new = try harness.deliver()
        let before = try harness.dump()
        for outcome: Outcome in [.complete(), .fail(), .release, .extend(60_000)] {
            #expect(try harness.settle(1, old.token, outcome) == nil)
        }
        #expect(try harness.progress(1, old.token) == false)
        #expect(try harness.dump() == before)
        #expect(try harness.settle(1, new.token) != nil)
    }

    @Test func `another session's word and an unknown job change nothing`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.openSession(2)
        try harness.submit(count: 2)
        let delivery = try harness.deliver(max: 1)
        let before = try harness.dump()
        #expect(try harness.settle(1, delivery.token, by: 2) == nil)
        #expect(try harness.progress(1, delivery.token, by: 2) == false)
        #expect(try harness.settle(2, delivery.token) == nil)
        #expect(try harness.settle(77, delivery.token) == nil)
        #expect(try harness.settle(1, delivery.token + 1) == nil)
        #expect(try harness.dump() == before)
    }

    @Test func `a job is settled once`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit()
        let delivery = try harness.deliver()
        try harness.turn { rows throws in
            #expect(try harness.settle(1, delivery.token, .complete(), rows) != nil)
            #expect(try harness.settle(1, delivery.token, .fail(), rows) == nil)
        }
        #expect(try harness.settle(1, delivery.token) == nil)
        #expect(try harness.statistics().totals.completed == 1)
    }

    @Test func `a settlement gives the credit of its delivery back`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(payload: pattern(1_900))
        let delivery = try harness.deliver()
        let extended = try harness.settle(1, delivery.token, .extend(5_000))
        #expect(
            extended
                == DeliveryCredit(
                    session: 1, subscription: 7, token: delivery.token, bytes: 0, jobs: 0))
        let settled = try harness.settle(1, delivery.token)
        #expect(
            settled
                == DeliveryCredit(
                    session: 1, subscription: 7, token: delivery.token, bytes: 1_900, jobs: 1))
    }

    @Test func `a lease that ends gives the credit of its delivery back`() throws {
        let harness = try EngineHarness(grace: 1_000)
        try harness.openSession(1)
        try harness.submit(count: 3, payload: pattern(100))
        let delivery = try harness.deliver(lease: 5_000)
        try harness.settle(2, delivery.token)
        #expect(harness.engine.lapsed == [])
        harness.now += 5_000
        try harness.tick()
        #expect(
            harness.engine.lapsed == [
                DeliveryCredit(
                    session: 1, subscription: 7, token: delivery.token, bytes: 200, jobs: 2)
            ])
        try harness.tick()
        #expect(harness.engine.lapsed == [])
    }

    // MARK: Ends

    @Test func `a lease ends at its deadline and not before, as a crash`() throws {
        let harness = try EngineHarness(grace: 1_000)
        try harness.openSession(1)
        try harness.submit(count: 3)
        let delivery = try harness.deliver(lease: 10_000)
        try harness.settle(2, delivery.token)
        try harness.advance(9_999)
        #expect(try harness.state(1) == .running)
        #expect(harness.nextTurnAt == harness.now + 1)
        try harness.advance(1)
        let job = try #require(try harness.inspect(1))
        #expect(job.state == .ready)
        #expect((job.failures, job.crashes, job.interruptions) == (0, 1, 0))
        #expect(job.error == "the lease ended before the job was settled")
        #expect(try harness.settle(1, delivery.token) == nil)
        #expect(try harness.deliver().ids == [1, 3])
    }

    @Test func `after a restart no lease ends before the grace is over`() throws {
        let harness = try EngineHarness(grace: 15_000)
        try harness.openSession(1)
        try harness.submit()
        let delivery = try harness.deliver(lease: 1_000)
        try harness.crash(after: 3_600_000)
        #expect(try harness.resume(1))
        try harness.advance(14_999)
        #expect(try harness.state(1) == .running)
        #expect(try harness.settle(1, delivery.token, .extend(1_000)) != nil)
        try harness.advance(2)
        #expect(try harness.state(1) == .running)
        try harness.advance(1_000)
        #expect(try harness.state(1) == .ready)
        #expect(try harness.inspect(1)?.crashes == 1)
    }

    @Test func `many leases that end at once are given back in bounded turns`() throws {
        let harness = try EngineHarness(grace: 1_000)
        harness.verifies = false
        try harness.openSession(1)
        try harness.submit(count: 10_000)
        while try harness.deliver(lease: 5_000).jobs.count > 0 {}
        harness.now += 5_000
        try harness.tick()
        let running = try harness.statistics().running
        #expect(running >= 10_000 - UInt64(EngineLimits.stepsPerTurn) - 256)
        #expect(running < 10_000)
        #expect(try harness.advance() >= 4)
        #expect(try harness.statistics().ready == 10_000)
        try harness.verify()
    }
}
