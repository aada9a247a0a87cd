import Engine
import Store
import TestSupport
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct OrderTests {
    @Test func `jobs are delivered in the order of submission, across turns`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        let first = try harness.submit(count: 3)
        let second = try harness.submit(count: 2)
        #expect(first + second == [1, 2, 3, 4, 5])
        #expect(try harness.deliver(max: 4).ids == [1, 2, 3, 4])
        #expect(try harness.deliver().ids == [5])
        #expect(try harness.deliver().ids == [])
    }

    @Test func `queues keep their own order when their jobs are interleaved`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.turn { rows in
            for number in 0..<300 { _ = try harness.submit("q\(number % 7)", rows) }
        }
        for queue in 0..<7 {
            let expected = (0..<300).filter { $0 % 7 == queue }.map { UInt64($0 + 1) }
            #expect(try harness.statistics("q\(queue)").ready == UInt64(expected.count))
            #expect(try harness.deliver("q\(queue)").ids == expected)
        }
    }

    @Test func `a job submitted in a turn is delivered in that turn`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        var delivery = Delivery()
        try harness.turn { rows in
            _ = try harness.submit("mail", rows)
            _ = try harness.submit("mail", rows)
        } delivering: { rows in
            delivery = try harness.deliver("mail", to: 1, max: 1, rows)
        }
        #expect(delivery.ids == [1])
        #expect(try harness.state(1) == .running)
        #expect(try harness.state(2) == .ready)
    }

    @Test func `a released job comes before all that were submitted after it`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 10)
        let delivery = try harness.deliver(max: 5)
        try harness.settle(3, delivery.token, .release)
        try harness.settle(1, delivery.token, .release)
        #expect(try harness.deliver(max: 4).ids == [1, 3, 6, 7])
    }

    @Test func `a delivery takes no more bytes than asked for`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 5, payload: pattern(100))
        let delivery = try harness.deliver(bytes: 250)
        #expect(delivery.ids == [1, 2])
        #expect(delivery.bytes == 200)
        #expect(delivery.isCutShort)
        #expect(try harness.deliver(bytes: 99, mayExceed: false).ids == [])
        #expect(try harness.deliver(bytes: 99).ids == [3])
        let rest = try harness.deliver(bytes: 200)
        #expect(rest.ids == [4, 5])
        #expect(!rest.isCutShort)
    }

    @Test func `deliveries cut short leave the queue's run whole`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 600, payload: pattern(10))
        for _ in 0..<20 { _ = try harness.deliver(bytes: 30) }
        #expect(try harness.verify().runs == [1: [JobRun(first: 61, count: 540)]])
        #expect(try harness.deliver(max: 2).ids == [61, 62])
    }

    @Test func `jobs that return from everywhere join into one run`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 400)
        let one = try harness.deliver()
        let other = try harness.deliver()
        for id in (one.ids + other.ids).reversed() where !id.isMultiple(of: 3) {
            try harness.settle(id, id <= 256 ? one.token : other.token, .release)
        }
        try harness.turn { rows in
            for id in one.ids where id.isMultiple(of: 3) {
                _ = try harness.settle(id, one.token, .release, rows)
            }
        }
        try harness.turn { rows in
            for id in other.ids.reversed() where id.isMultiple(of: 3) {
                _ = try harness.settle(id, other.token, .release, rows)
            }
        }
        #expect(try harness.verify().runs == [1: [JobRun(first: 1, count: 400)]])
    }

    @Test func `many scattered returns in one turn keep their order`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 2_000)
        var deliveries: [Delivery] = []
        for _ in 0..<8 { deliveries.append(try harness.deliver()) }
        try harness.turn { rows in
            for delivery in deliveries.reversed() {
                for id in delivery.ids.reversed() where id.isMultiple(of: 2) {
                    _ = try harness.settle(id, delivery.token, .release, rows)
                }
            }
        }
        var ids: [UInt64] = []
        for _ in 0..<5 { ids += try harness.deliver().ids }
        #expect(ids == (1...1_000).map { $0 * 2 })
    }

    @Test func `order outlives a restart in the middle of a run`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 20)
        _ = try harness.deliver(max: 7)
        try harness.crash()
        #expect(try harness.deliver(max: 3).ids == [8, 9, 10])
        try harness.restart()
        #expect(try harness.deliver().ids == (11...20).map { $0 })
    }
}
