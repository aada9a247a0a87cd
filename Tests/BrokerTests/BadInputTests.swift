import Broker
import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct BadInputTests {
    private func code(_ body: () async throws(MartletError) -> Void) async -> String {
        do throws(MartletError) {
            try await body()
            return "accepted"
        } catch {
            return "\(error.code)"
        }
    }

    @Test(arguments: ["", "-x", "a b", "ä", String(repeating: "x", count: 129)])
    func `a queue name out of the rules is refused by name`(name: String) async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let found = await code { () async throws(MartletError) in
                _ = try await client.request(
                    Submit(name, ["x"]), expecting: Submitted.self)
            }
            #expect(found.lowercased().contains("queue"), "\(found)")
            let after = try await client.request(Submit("q", ["x"]), expecting: Submitted.self)
            #expect(after.runs.count == 1)
        }
    }

    @Test func `empty, oversized and damaged payloads are refused one by one`() async throws {
        try await BrokerHarness.run { configuration in
            configuration.limits.payloadBytesMax = 1_000
        } _: { broker in
            let client = try await broker.connect()
            var damaged = Payload.plain(ByteBuffer(string: "x"))
            damaged.checksum ^= 1
            let payloads = [
                .plain(ByteBuffer(string: "good")), .plain(ByteBuffer()),
                .plain(ByteBuffer(repeating: 1, count: 1_001)), damaged,
            ]
            let submit = Submit(
                queue: "q", type: "t", items: payloads.map { SubmitItem(payload: $0) })
            let reply = try await client.request(submit, expecting: Submitted.self)
            let codes = reply.results.map { result -> ErrorCode? in
                if case .failure(let error) = result { error.code } else { nil }
            }
            #expect(codes == [nil, .payloadEmpty, .payloadTooLarge, .payloadDamaged])
            let limits = reply.results.compactMap { result -> [UInt64]? in
                if case .failure(let error) = result { [error.limit, error.actual] } else { nil }
            }
            #expect(limits[1] == [1_000, 1_001])
        }
    }

    @Test func `an atomic batch with one refused item leaves no job`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            var submit = Submit("q", ["a", "", "b"])
            submit.isAtomic = true
            let reply = try await client.request(submit, expecting: Submitted.self)
            #expect(reply.results.count == 3)
            let page = try await client.request(Queues(queue: "q"), expecting: QueuePage.self)
            #expect(page.queues[0].ready == 0)
        }
    }

    @Test func `a second broker on the same directory is refused`() async throws {
        try await BrokerHarness.run { broker in
            await #expect(throws: (any Error).self) {
                try await BrokerHarness.run(in: broker.configuration.directory) { _ in }
            }
            let client = try await broker.connect()
            let reply = try await client.request(Submit("q", ["x"]), expecting: Submitted.self)
            #expect(reply.runs.count == 1)
        }
    }

    @Test func `unknown jobs, queues and subscriptions have errors of their own`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let codes = await [
                code { () async throws(MartletError) in
                    _ = try await client.request(
                        Get(id: JobID(rawValue: 99)), expecting: JobInfo.self)
                },
                code { () async throws(MartletError) in
                    _ = try await client.request(Queues(queue: "none"), expecting: QueuePage.self)
                },
                code { () async throws(MartletError) in
                    _ = try await client.request(
                        Credit(subscription: 5, creditJobs: 1, creditBytes: 1), expecting: Done.self
                    )
                },
            ]
            #expect(Set(codes).count == 3)
            #expect(!codes.contains("accepted"))
        }
    }
}
