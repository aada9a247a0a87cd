import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct CancelTests {
    private let patient = ActOptions(reason: "a change of mind", graceMilliseconds: 3_600_000)

    @Test func `a waiting job is cancelled at once, with the reason`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let id = try await client.submitAll(Submit("q", ["x"]))[0]
            #expect(try await client.act(.cancel, [id], patient) == [.success(.cancelled)])
            let job = try await client.job(id)
            #expect(job.state == .cancelled)
            #expect(job.cancel?.reason == "a change of mind")
            #expect(job.cancel?.graceEndsAt == 0)
        }
    }

    @Test func `a running job's worker is told, and what it says within the grace counts`()
        async throws
    {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let worker = try await broker.connect(inbox: inbox)
            let ids = try await worker.submitAll(Submit("q", ["a", "b"]))
            try await worker.subscribe("q", credit: 2)
            let jobs = await inbox.jobs(2)
            #expect(
                try await worker.act(.cancel, ids, patient)
                    == [.success(.running), .success(.running)])
            let told = await inbox.cancellations(2)
            #expect(told.map(\.id) == ids)
            #expect(told.map(\.token) == jobs.map(\.token))
            #expect(told.map(\.graceMilliseconds) == [3_600_000, 3_600_000])
            #expect(told.map(\.reason) == ["a change of mind", "a change of mind"])
            _ = try await worker.settle([
                Settlement(id: ids[0], token: jobs[0].token, .complete(nil)),
                Settlement(id: ids[1], token: jobs[1].token, .fail(JobFailure("stopped"))),
            ])
            #expect(try await worker.job(ids[0]).state == .completed)
            #expect(try await worker.job(ids[1]).state == .cancelled)
        }
    }

    @Test func `a worker that does not stop in time loses the lease`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let worker = try await broker.connect(inbox: inbox)
            let id = try await worker.submitAll(Submit("q", ["x"]))[0]
            try await worker.subscribe("q", credit: 1)
            let token = await inbox.jobs(1)[0].token
            _ = try await worker.act(.cancel, [id], ActOptions(graceMilliseconds: 5))
            let job = try await worker.request(
                Wait(id: id, milliseconds: 10_000, parts: []), expecting: JobInfo.self)
            #expect(job.state == .cancelled)
            let late = try await worker.settle([Settlement(id: id, token: token, .complete(nil))])
            #expect(late.map { $0?.code } == [.leaseLost])
            _ = try await worker.submitAll(Submit("q", ["next"]))
            #expect(await inbox.jobs(1).count == 1, "its credit came back")
        }
    }

    @Test func `a session that resumes is told again, also after a restart`() async throws {
        let directory = TemporaryDirectory.make()
        defer { TemporaryDirectory.remove(directory) }
        var cancelled: (id: JobID, token: UInt64)?
        var session: Welcome?
        try await BrokerHarness.run(in: directory) { broker in
            let inbox = PushInbox()
            let worker = try await broker.connect(inbox: inbox)
            let id = try await worker.submitAll(Submit("q", ["x"]))[0]
            try await worker.subscribe("q", credit: 1)
            cancelled = (id, await inbox.jobs(1)[0].token)
            _ = try await worker.act(.cancel, [id], patient)
            session = await worker.welcome
        }
        try await BrokerHarness.run(in: directory) { broker in
            let (job, welcome) = (try #require(cancelled), try #require(session))
            let inbox = PushInbox()
            _ = try await broker.connect(
                session: welcome.session, secret: welcome.secret, inbox: inbox)
            let told = await inbox.cancellations(1)
            #expect(told.map(\.id) == [job.id])
            #expect(told.map(\.token) == [job.token])
            #expect(told[0].graceMilliseconds <= 3_600_000)
        }
    }
}
