import Store
import TestSupport
import Testing

@testable import Engine

@Suite(.fewAtATime, .timeLimit(.minutes(2)))
struct PayloadTests {
    private static let lengths = [
        1, 1_800, 1_801, 1_992, 1_993, 3_792, 3_793, 4_076, 4_096, 5_876, 5_877, 8_152, 100_000,
    ]

    @Test(arguments: lengths)
    func `a payload is delivered as it was submitted`(_ length: Int) throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        let payload = pattern(length)
        try harness.submit(count: 3, payload: payload)
        #expect(try harness.inspect(2)?.payload?.bytes == payload)
        try harness.crash()
        let delivery = try harness.deliver(bytes: length * 3)
        #expect(delivery.jobs.map(\.payload) == [payload, payload, payload])
        #expect(delivery.bytes == length * 3)
        try harness.settle(delivery)
        #expect(try harness.rowCount(Tables.pieces) == 0)
    }

    @Test(arguments: lengths)
    func `a result is shown as it was given`(_ length: Int) throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        let result = pattern(length, seed: 9)
        try harness.submit(payload: pattern(2_500), options: JobOptions(retainCompleted: 1_000))
        try harness.settle(try harness.deliver(), .complete(result))
        try harness.crash()
        let shown = try #require(try harness.inspect(1)?.result)
        #expect(shown.bytes == result)
        #expect((shown.codec, shown.rawBytes) == (1, UInt32(length * 2)))
        try harness.advance(2_000)
        #expect(try harness.rowCount(Tables.pieces) == 0)
    }

    @Test(arguments: [
        (1_800, 0), (1_801, 1), (1_993, 1), (3_793, 1), (4_096, 1), (5_876, 1), (5_877, 2),
        (8_192, 2),
    ])
    func `what fills no page is in the job's row`(_ length: Int, _ pieces: Int) throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(payload: pattern(length), options: JobOptions(retainCompleted: 1_000))
        #expect(try harness.rowCount(Tables.pieces) == pieces)
        try harness.settle(try harness.deliver(), .complete(pattern(length)))
        #expect(try harness.rowCount(Tables.pieces) == pieces)
        try harness.advance(2_000)
        #expect(try harness.rowCount(Tables.pieces) == 0)
    }

    @Test(arguments: [7_000, 8_152, 8_192])
    func `a payload that has lost a piece is not delivered, and its neighbours are`(
        _ length: Int
    ) throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 4, payload: pattern(length))
        try harness.turn { rows in
            for (id, index) in [(UInt64(1), UInt32(0)), (3, 1)] {
                _ = try rows.delete(Tables.pieces, .piece(id, .payload, index))
            }
        }
        let delivery = try harness.deliver()
        #expect(delivery.ids == [2, 4])
        #expect(delivery.jobs.map(\.payload) == [pattern(length), pattern(length)])
        #expect(harness.damage.map { $0.contains("is missing") } == [true, true])
    }

    @Test func `an empty result is a result`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 2)
        let delivery = try harness.deliver()
        try harness.settle(1, delivery.token, .complete([]))
        try harness.settle(2, delivery.token, .complete())
        #expect(try harness.inspect(1)?.result?.bytes == [])
        #expect(try harness.inspect(2)?.result == nil)
    }

    @Test func `the largest payload goes all the way`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        let payload = [UInt8](repeating: 0x5a, count: 16 << 20)
        try harness.submit(payload: payload)
        try harness.submit(payload: [7])
        try harness.crash()
        let large = try harness.deliver(bytes: 1_000)
        #expect(large.ids == [1])
        #expect(large.jobs[0].payload == payload)
        #expect(try harness.deliver(bytes: 1_000).jobs[0].payload == [7])
        try harness.settle(1, large.token, .complete(payload))
        #expect(try harness.inspect(1)?.result?.bytes == payload)
        try harness.advance(JobOptions.defaultRetainCompleted + 1_000)
        #expect(try harness.rowCount(Tables.pieces) == 0)
    }

    @Test(arguments: [1_800, 4_096])
    func `a failed job keeps its payload through every attempt`(_ length: Int) throws {
        let harness = try EngineHarness(grace: 100)
        try harness.openSession(1)
        let payload = pattern(length)
        let reason = String(repeating: "x", count: EngineLimits.errorBytesMax)
        try harness.submit(payload: payload, options: JobOptions(backoff: Backoff(base: 1, cap: 1)))
        for outcome: Outcome in [.fail(reason), .release, .fail("short")] {
            let delivery = try harness.deliver()
            #expect(delivery.jobs.map(\.payload) == [payload])
            try harness.settle(1, delivery.token, outcome)
            try harness.advance(1)
        }
        #expect(try harness.inspect(1)?.error == "short")
        _ = try harness.deliver(lease: 1_000)
        try harness.advance(1_000)
        #expect(try harness.deliver().jobs.map(\.payload) == [payload])
    }
}
