import Broker
import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

/// Exactly once for batches of which some items were refused, however long the answer is.
@Suite(.fewAtATime, .timeLimit(.minutes(2)))
struct RepeatedSubmissionTests {
    /// Items that are accepted and refused in turn.
    private func submit(
        _ count: Int, bytes: Int = 10, sequence: UInt64 = 1, floor: UInt64 = 1
    ) -> Submit {
        let items = (0..<count).map { index in
            var payload = Payload.plain(
                ByteBuffer(repeating: UInt8(truncatingIfNeeded: index), count: bytes))
            if index % 2 == 1 { payload.checksum ^= 1 }
            return SubmitItem(payload: payload)
        }
        var submit = Submit(queue: "q", type: "t", items: items)
        (submit.producer, submit.sequence, submit.floor) = (9, sequence, floor)
        return submit
    }

    private func jobs(_ connection: WireConnection) async throws -> UInt64 {
        try await connection.request(Queues(queue: "q"), expecting: QueuePage.self).queues[0].ready
    }

    /// 10,000 items have an answer of more than 256 KiB; items of 4,000 bytes are stored over several turns.
    @Test(arguments: [(Limits.batchMax, 10), (10_000, 10), (Limits.batchMax, 4_000)])
    func `a batch with refused items sent again makes no job again`(_ count: Int, _ bytes: Int)
        async throws
    {
        let directory = TemporaryDirectory.make()
        defer { TemporaryDirectory.remove(directory) }
        let request = submit(count, bytes: bytes)
        var first: Submitted?
        for isRestarted in [false, true] {
            try await BrokerHarness.run(in: directory) { configuration in
                configuration.limits.batchMax = UInt32(count)
            } _: { broker in
                for _ in 0..<2 {
                    let client = try await broker.connect()
                    for _ in 0..<2 {
                        let reply = try await client.request(request, expecting: Submitted.self)
                        #expect(reply.isRepeated == (first != nil))
                        if let first { #expect(reply.runs == first.runs) }
                        first = first ?? reply
                    }
                    #expect(try await jobs(client) == UInt64(count) / 2)
                    await client.close()
                }
            }
            #expect(first?.runs.count == count, "\(isRestarted)")
        }
    }

    @Test func `a batch with refusals sent again while it is stored makes its jobs once`()
        async throws
    {
        try await BrokerHarness.run { broker in
            let request = submit(Limits.batchMax, bytes: 10_000)
            let first = try await broker.connect()
            await first.send(request)
            let second = try await broker.connect()
            let reply = try await second.request(request, expecting: Submitted.self)
            let again = try await second.request(request, expecting: Submitted.self)
            #expect(again.isRepeated)
            #expect(again.runs == reply.runs)
            #expect(try await jobs(second) == UInt64(Limits.batchMax) / 2)
        }
    }

    @Test func `a producer whose answers are too many must raise its floor before it submits`()
        async throws
    {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            var accepted: UInt64 = 0
            var refusal: MartletError?
            while refusal == nil, accepted < 100 {
                do {
                    _ = try await client.request(
                        submit(1_000, sequence: accepted + 1), expecting: Submitted.self)
                    accepted += 1
                } catch let error as MartletError {
                    refusal = error
                }
            }
            #expect(refusal?.code.rawValue == ErrorCode.sequenceAhead.rawValue)
            #expect(try await jobs(client) == accepted * 500)
            let raised = submit(1_000, sequence: accepted + 1, floor: accepted + 1)
            #expect(try await client.request(raised, expecting: Submitted.self).runs.count == 1_000)
            #expect(try await jobs(client) == (accepted + 1) * 500)
        }
    }
}
