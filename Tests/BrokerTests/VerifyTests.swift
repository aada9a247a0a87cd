import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct VerifyTests {
    @Test func `a store in use is found whole, part by part`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let client = try await broker.connect(inbox: inbox)
            let tags = try JobTags(["t"])
            _ = try await client.submitAll(Submit("q", (0..<1_000).map { "\($0)" }))
            _ = try await client.submitAll(
                Submit(
                    "q", ["x"],
                    options: .with {
                        $0.tags = tags
                        $0.due = .delay(60_000)
                        $0.expiresMilliseconds = 600_000
                        $0.unique = UniqueKey("k", scope: .active)
                    }))
            try await client.subscribe("q", credit: 10)
            let jobs = await inbox.jobs(10)
            let failure = JobFailure("no", discards: true)
            _ = try await client.settle(
                jobs.prefix(5).map {
                    Settlement(id: $0.delivery.fields.id, token: $0.token, .fail(failure))
                })
            // All of it is in the snapshot that a fresh list waits for.
            _ = try await client.request(List(limit: 1, isFresh: true), expecting: JobPage.self)
            let found = try await client.verify()
            #expect(found.problems == [])
            #expect(found.jobs == 1_001)
        }
    }

    @Test func `jobs that come and go while a store is verified make no false alarm`() async throws
    {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let client = try await broker.connect(inbox: inbox)
            for _ in 0..<12 {
                _ = try await client.submitAll(Submit("q", (0..<1_000).map { "\($0)" }))
            }
            let other = try await broker.connect()
            try await client.subscribe("q", credit: 100)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    while !Task.isCancelled {
                        _ = try await other.submitAll(Submit("q", (0..<50).map { "\($0)" }))
                    }
                }
                let jobs = await inbox.jobs(50)
                _ = try await client.settle(
                    jobs.map { Settlement(id: $0.delivery.fields.id, token: $0.token, .release) })
                let found = try await client.verify()
                group.cancelAll()
                #expect(found.problems == [])
                #expect(found.jobs >= 12_000)
            }
        }
    }

    @Test func `a cursor that is not the server's is refused`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            #expect(
                await client.refusal(Verify(cursor: [200, 1]), expecting: Verified.self)
                    == .cursorInvalid)
        }
    }
}

extension WireConnection {
    /// Looks at the whole store, part by part.
    func verify() async throws -> (jobs: UInt64, problems: [String]) {
        var (jobs, problems): (UInt64, [String]) = (0, [])
        var cursor: [UInt8] = []
        repeat {
            let part = try await request(Verify(cursor: cursor), expecting: Verified.self)
            jobs += part.jobs
            problems += part.problems.map(\.sentence)
            cursor = part.cursor
        } while !cursor.isEmpty
        return (jobs, problems)
    }
}
