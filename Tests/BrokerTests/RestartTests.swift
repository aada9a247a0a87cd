import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct RestartTests {
    @Test func `jobs, leases and sessions outlive the broker`() async throws {
        let directory = TemporaryDirectory.make()
        defer { TemporaryDirectory.remove(directory) }
        var held: (id: JobID, token: UInt64)?
        var session: Welcome?
        try await BrokerHarness.run(in: directory) { broker in
            let inbox = PushInbox()
            let worker = try await broker.connect(inbox: inbox)
            try await worker.subscribe("q", credit: 1)
            let ids = try await worker.submitAll(Submit("q", ["held", "waiting"]))
            let job = await inbox.jobs(1)[0]
            #expect(job.delivery.fields.id == ids[0])
            held = (ids[0], job.token)
            session = await worker.welcome
        }
        try await BrokerHarness.run(in: directory) { broker in
            let (job, welcome) = (try #require(held), try #require(session))
            let inbox = PushInbox()
            let other = try await broker.connect(inbox: inbox)
            try await other.subscribe("q", credit: 10)
            let delivered = await inbox.jobs(1)
            #expect(delivered.map { String(buffer: $0.delivery.payload.bytes) } == ["waiting"])
            let worker = try await broker.connect(session: welcome.session, secret: welcome.secret)
            #expect(await worker.welcome.isResumed)
            let outcome = try await worker.settle([
                Settlement(id: job.id, token: job.token, .complete(nil))
            ])
            #expect(outcome == [nil])
        }
    }

    @Test func `keys, delays, settings and logs outlive the broker`() async throws {
        let directory = TemporaryDirectory.make()
        defer { TemporaryDirectory.remove(directory) }
        let keyed = Submit(
            "q", ["x"],
            options: .with {
                $0.unique = UniqueKey("k", scope: .active)
                $0.due = .delay(60_000)
            })
        var ids: [JobID] = []
        try await BrokerHarness.run(in: directory) { broker in
            let inbox = PushInbox()
            let client = try await broker.connect(inbox: inbox)
            ids = try await client.submitAll(keyed)
            ids += try await client.submitAll(Submit("r", ["y"]))
            try await client.subscribe("r", credit: 1)
            let token = await inbox.jobs(1)[0].token
            try await client.done(Log(id: ids[1], token: token, lines: ["a line"]))
            try await client.done(QueueSet(queue: "q", pause: .init(by: "me", reason: "")))
        }
        try await BrokerHarness.run(in: directory) { broker in
            let client = try await broker.connect()
            #expect(try await client.job(ids[0]).state == .scheduled)
            #expect(try await client.submit(keyed).codes == [.duplicate])
            #expect(try await client.queueInfo("q").paused?.by == "me")
            let page = try await client.request(Logs(id: ids[1]), expecting: LogPage.self)
            #expect(page.lines.map(\.text) == ["a line"])
            _ = try await client.request(List(limit: 1, isFresh: true), expecting: JobPage.self)
            #expect(try await client.verify().problems == [])
        }
    }
}
