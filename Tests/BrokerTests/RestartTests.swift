import MartletClient
import MartletWire
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(1)))
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
}
