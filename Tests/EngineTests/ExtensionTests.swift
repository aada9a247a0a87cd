import Store
import TestSupport
import Testing

@testable import Engine

/// Later ends for some jobs of a delivery: the lease splits, and every part keeps its own time.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct ExtensionTests {
    private func harness(_ count: Int) throws -> (EngineHarness, Delivery) {
        let harness = try EngineHarness(grace: 1_000)
        try harness.openSession(1)
        try harness.submit(count: count)
        return (harness, try harness.deliver(lease: 10_000))
    }

    private func running(_ harness: EngineHarness, _ ids: [UInt64]) throws -> [UInt64] {
        try ids.filter { try harness.state($0) == .running }
    }

    @Test func `an extended delivery keeps its one row`() throws {
        let (harness, delivery) = try harness(5)
        try harness.advance(9_000)
        try harness.settle(delivery, .extend(10_000))
        #expect(try harness.verify().leases.count == 1)
        try harness.advance(9_999)
        #expect(try running(harness, delivery.ids) == delivery.ids)
        try harness.advance(1)
        #expect(try running(harness, delivery.ids) == [])
    }

    @Test(arguments: [[1], [5], [2, 4], [1, 2, 3], [3, 4, 5], [1, 5]])
    func `extending a part leaves the others their deadline`(_ extended: [UInt64]) throws {
        let (harness, delivery) = try harness(5)
        try harness.turn { rows throws in
            for id in extended {
                #expect(try harness.settle(id, delivery.token, .extend(20_000), rows) != nil)
            }
        }
        #expect(try harness.inspect(extended[0])?.leaseEnds == harness.now + 20_000)
        try harness.advance(10_000)
        #expect(try running(harness, delivery.ids) == extended)
        try harness.advance(9_999)
        #expect(try running(harness, delivery.ids) == extended)
        try harness.advance(1)
        #expect(try running(harness, delivery.ids) == [])
    }

    @Test func `every part can be settled, extended and split again`() throws {
        let (harness, delivery) = try harness(6)
        for (id, lease) in [(1, 20_000), (3, 30_000), (1, 25_000), (2, 12_000)]
            as [(UInt64, UInt64)]
        {
            #expect(try harness.settle(id, delivery.token, .extend(lease)) != nil)
        }
        try harness.crash()
        #expect(try harness.resume(1))
        for id in [4, 1, 3] as [UInt64] {
            #expect(try harness.settle(id, delivery.token) != nil)
        }
        #expect(try running(harness, delivery.ids) == [2, 5, 6])
        try harness.advance(11_999)
        #expect(try running(harness, delivery.ids) == [2])
        try harness.advance(1)
        #expect(try running(harness, delivery.ids) == [])
        #expect(try harness.deliver().ids == [2, 5, 6])
    }

    @Test func `each job extended in a turn gets the time that was asked for it`() throws {
        let (harness, delivery) = try harness(3)
        try harness.turn { rows in
            _ = try harness.settle(1, delivery.token, .extend(20_000), rows)
            _ = try harness.settle(2, delivery.token, .extend(40_000), rows)
            _ = try harness.settle(3, delivery.token, .extend(60_000), rows)
            _ = try harness.settle(3, delivery.token, .extend(30_000), rows)
        }
        try harness.advance(20_000)
        #expect(try running(harness, delivery.ids) == [2, 3])
        try harness.advance(10_000)
        #expect(try running(harness, delivery.ids) == [2])
        try harness.advance(10_000)
        #expect(try running(harness, delivery.ids) == [])
    }

    @Test func `an extension may be shorter than what was left`() throws {
        let (harness, delivery) = try harness(2)
        try harness.settle(delivery, .extend(2_000))
        try harness.advance(2_000)
        #expect(try running(harness, delivery.ids) == [])
    }

    @Test func `an extension that arrives at the deadline counts`() throws {
        let (harness, delivery) = try harness(2)
        harness.now += 10_000
        #expect(try harness.settle(1, delivery.token, .extend(5_000)) != nil)
        #expect(try running(harness, delivery.ids) == [1])
        try harness.advance(5_000)
        #expect(try running(harness, delivery.ids) == [])
    }

    @Test func `a job settled after it was extended in the same turn is done`() throws {
        let (harness, delivery) = try harness(3)
        try harness.turn { rows in
            _ = try harness.settle(1, delivery.token, .extend(20_000), rows)
            _ = try harness.settle(2, delivery.token, .extend(20_000), rows)
            #expect(try harness.settle(1, delivery.token, .complete(), rows) != nil)
            #expect(try harness.settle(1, delivery.token, .extend(20_000), rows) == nil)
        }
        #expect(try harness.state(1) == .completed)
        try harness.advance(10_000)
        #expect(try running(harness, delivery.ids) == [2])
    }

    @Test func `a session that extends and ends in one turn keeps nothing`() throws {
        let (harness, delivery) = try harness(4)
        try harness.turn { rows in
            _ = try harness.settle(2, delivery.token, .extend(43_200_000), rows)
            try harness.engine.endSession(1, rows)
        }
        #expect(try running(harness, delivery.ids) == [])
        #expect(try harness.inspect(2)?.interruptions == 1)
    }
}
