import Store
import TestSupport
import Testing

@testable import Engine

/// Workers that resume their session and say what they hold: what was on its way when the connection
/// broke is nobody's.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct HoldingTests {
    private func resumed(_ count: Int = 3) throws -> (EngineHarness, Delivery) {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: count)
        let delivery = try harness.deliver(lease: 600_000)
        try harness.disconnect(1)
        #expect(try harness.resume(1))
        return (harness, delivery)
    }

    @Test func `what a resumed worker does not name goes back at once, unspent`() throws {
        let (harness, delivery) = try resumed()
        #expect(try harness.hold([2], delivery.token) == [true])
        for id in [1, 3] as [UInt64] {
            let job = try #require(try harness.inspect(id))
            #expect(job.state == .ready)
            #expect((job.failures, job.crashes, job.interruptions) == (0, 0, 1))
            #expect(try harness.settle(id, delivery.token) == nil)
        }
        #expect(try harness.verify().ready(1) == [1, 3])
        #expect(try harness.settle(2, delivery.token) != nil)
    }

    @Test func `a worker that holds nothing says so, and all of it goes back`() throws {
        let (harness, _) = try resumed()
        try harness.hold([], 0)
        #expect(try harness.statistics().ready == 3)
        #expect(try harness.rowCount(Tables.leases) == 0)
    }

    @Test func `a worker that says nothing keeps its leases`() throws {
        let (harness, delivery) = try resumed()
        try harness.advance(500_000)
        for id in delivery.ids { #expect(try harness.settle(id, delivery.token) != nil) }
    }

    @Test func `nothing goes back before everything is named`() throws {
        let (harness, delivery) = try resumed()
        #expect(try harness.hold([1], delivery.token, isComplete: false) == [true])
        try harness.advance(1_000)
        #expect(try harness.statistics().running == 3)
        #expect(try harness.hold([3], delivery.token) == [true])
        #expect(try harness.state(1) == .running)
        #expect(try harness.state(2) == .ready)
        #expect(try harness.state(3) == .running)
    }

    @Test func `what was named on a connection that broke is to be named again`() throws {
        let (harness, delivery) = try resumed()
        try harness.hold([1], delivery.token, isComplete: false)
        try harness.disconnect(1)
        #expect(try harness.resume(1))
        try harness.hold([2], delivery.token)
        #expect(try harness.state(1) == .ready)
        #expect(try harness.state(2) == .running)
    }

    @Test func `what is delivered after the session was resumed is not touched`() throws {
        let (harness, old) = try resumed()
        try harness.submit(count: 2)
        let new = try harness.deliver(lease: 600_000)
        #expect(new.ids == [4, 5])
        try harness.hold([1], old.token)
        #expect(try harness.statistics().ready == 2)
        for id in new.ids { #expect(try harness.settle(id, new.token) != nil) }
    }

    @Test func `a job that is lost is answered so`() throws {
        let (harness, delivery) = try resumed()
        try harness.openSession(2)
        try harness.submit()
        let others = try harness.deliver(to: 2)
        try harness.settle(1, delivery.token)
        #expect(
            try harness.hold([1, 2, 3, 4, 99], delivery.token, isComplete: false)
                == [false, true, true, false, false])
        #expect(try harness.hold([4], others.token) == [false])
        #expect(try harness.state(4) == .running)
    }

    @Test func `naming once more changes nothing`() throws {
        let (harness, delivery) = try resumed()
        try harness.hold([1, 2, 3], delivery.token)
        try harness.hold([], 0)
        #expect(try harness.statistics().running == 3)
    }

    @Test func `leases that an extension splits in the same turn are still named`() throws {
        let (harness, delivery) = try resumed(5)
        try harness.turn { rows in
            for id in [1, 4] as [UInt64] {
                #expect(
                    try harness.engine.hold(id, token: delivery.token, session: 1, rows))
            }
            _ = try harness.settle(4, delivery.token, .extend(700_000), rows)
            harness.engine.holdsNothingElse(session: 1)
        }
        #expect(try harness.verify().ready(1) == [2, 3, 5])
        for id in [1, 4] as [UInt64] { #expect(try harness.settle(id, delivery.token) != nil) }
    }

    @Test func `the credit of what went back is given back too`() throws {
        let (harness, delivery) = try resumed()
        try harness.hold([2], delivery.token)
        let lapsed = harness.engine.lapsed
        #expect(
            lapsed == [
                DeliveryCredit(
                    session: 1, subscription: 7, token: delivery.token, bytes: 6, jobs: 2)
            ])
    }

    @Test func `a broker that restarts asks again, and loses nothing`() throws {
        let harness = try EngineHarness()
        harness.verifies = false
        try harness.openSession(1)
        try harness.submit(count: 6_000)
        var deliveries: [Delivery] = []
        repeat {
            deliveries.append(try harness.deliver(lease: 600_000))
        } while deliveries.last?
            .jobs.isEmpty == false
        let (kept, keptToken) = (deliveries[20].ids, deliveries[20].token)
        try harness.disconnect(1)
        #expect(try harness.resume(1))
        try harness.hold(kept, keptToken)
        let running = try harness.statistics().running
        #expect(running > UInt64(kept.count), "one turn gives back a bounded number")
        try harness.crash()
        #expect(try harness.resume(1))
        try harness.advance()
        #expect(try harness.statistics().running == running)
        try harness.hold(kept, keptToken)
        try harness.advance()
        #expect(try harness.statistics().running == UInt64(kept.count))
        #expect(try harness.inspect(6_000)?.crashes == 0)
        try harness.verify()
        for id in kept { #expect(try harness.settle(id, keptToken) != nil) }
    }

    @Test func `sessions that keep coming keep nobody waiting`() throws {
        let harness = try EngineHarness()
        harness.verifies = false
        try harness.openSession(1)
        try harness.submit(count: 6_000)
        while try harness.deliver(lease: 600_000).jobs.count > 0 {}
        try harness.disconnect(1)
        #expect(try harness.resume(1))
        try harness.hold([], 0)
        var turns = 1
        for session in 2...20 as ClosedRange<UInt64> where try harness.statistics().running > 0 {
            try harness.openSession(session)
            try harness.turn { rows in try harness.engine.endSession(session, rows) }
            turns += 2
        }
        #expect(try harness.statistics().running == 0)
        #expect(turns < 10)
        try harness.advance()
        #expect(harness.engine.ending.isEmpty && harness.engine.unheld.isEmpty)
        #expect(try harness.rowCount(Tables.sessions) == 1)
        try harness.verify()
    }
}
