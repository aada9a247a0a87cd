import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct NotesTests {
    /// A worker with one running job.
    private struct Running {
        let worker: WireConnection
        let inbox: PushInbox
        let id: JobID
        let token: UInt64

        init(_ broker: BrokerHarness, options: SubmitOptions = SubmitOptions()) async throws {
            inbox = PushInbox()
            worker = try await broker.connect(inbox: inbox)
            id = try await worker.submitAll(Submit("q", ["x"], options: options))[0]
            try await worker.subscribe("q", credit: 1)
            token = await inbox.jobs(1)[0].token
        }

        func fail(_ failure: JobFailure) async throws {
            let outcome = try await worker.settle([
                Settlement(id: id, token: token, .fail(failure))
            ])
            #expect(outcome == [nil])
        }
    }

    @Test func `what a handler says of its failure is kept`() async throws {
        try await BrokerHarness.run { broker in
            let running = try await Running(broker)
            try await running.fail(
                JobFailure(
                    "no 17", errorClass: "Refused", stack: "at a\nat b",
                    retryAfterMilliseconds: 3_600_000))
            let job = try await running.worker.job(running.id)
            #expect(job.state == .scheduled)
            #expect(job.error == "no 17")
            #expect(job.errorClass == "Refused")
            #expect(job.errorStack == "at a\nat b")
            #expect(
                job.fingerprint == ErrorFingerprint.of(errorClass: "Refused", message: "no 99"))
            #expect(job.dueAt >= job.createdAt + 3_600_000)
        }
    }

    @Test func `a worker's own fingerprint is taken, and a discarded job is dead at once`()
        async throws
    {
        try await BrokerHarness.run { broker in
            let running = try await Running(broker)
            try await running.fail(JobFailure("no", discards: true, fingerprint: 77))
            let job = try await running.worker.job(running.id)
            #expect(job.state == .dead)
            #expect(job.failures == 1)
            #expect(job.fingerprint == 77)
            let groups = try await groups(running.worker, jobs: 1)
            #expect(groups.map(\.fingerprint) == [77])
            #expect(groups.map(\.example) == [running.id])
        }
    }

    /// Groups are read from a snapshot: asks until one has so many jobs.
    private func groups(_ client: WireConnection, jobs: UInt64) async throws -> [ErrorGroup] {
        while true {
            let page = try await client.request(Groups(), expecting: GroupPage.self)
            if page.groups.contains(where: { $0.jobs == jobs }) { return page.groups }
            // A list that is fresh is answered after the next checkpoint.
            _ = try await client.request(List(limit: 1, isFresh: true), expecting: JobPage.self)
        }
    }

    @Test func `lines are kept with their offsets and read from any`() async throws {
        try await BrokerHarness.run { broker in
            let running = try await Running(broker)
            let worker = running.worker
            try await worker.done(
                Log(id: running.id, token: running.token, lines: ["one", "", "drei ä"]))
            try await worker.done(Log(id: running.id, token: running.token, lines: ["four"]))
            let page = try await worker.request(
                Logs(id: running.id, from: 1, limit: 2), expecting: LogPage.self)
            #expect(page.lines.map(\.text) == ["", "drei ä"])
            #expect(page.lines.map(\.offset) == [1, 2])
            #expect(page.lines.map(\.attempt) == [1, 1])
            #expect(page.next == 3)
            #expect(try await worker.job(running.id).logLines == 0..<4)
            #expect(
                await worker.refusal(Logs(id: JobID(rawValue: 99)), expecting: LogPage.self)
                    == .jobNotFound)
        }
    }

    @Test func `a checkpoint is handed to the next attempt`() async throws {
        try await BrokerHarness.run { broker in
            let running = try await Running(broker)
            let bytes = ByteBuffer.pattern(65_536)
            try await running.worker.done(
                CheckpointMessage(id: running.id, token: running.token, bytes: bytes))
            #expect(try await running.worker.job(running.id).checkpointBytes == 65_536)
            try await running.fail(JobFailure("no", retryAfterMilliseconds: 0))
            let again = await running.inbox.jobs(1)[0]
            #expect(again.delivery.options.checkpoint == bytes)
            #expect(again.delivery.fields.failures == 1)
        }
    }

    @Test func `progress is shown while the attempt lasts`() async throws {
        try await BrokerHarness.run { broker in
            let running = try await Running(broker)
            try await running.worker.done(
                ProgressMessage(
                    id: running.id, token: running.token,
                    progress: JobProgress(done: 5_000, message: "half")))
            #expect(
                try await running.worker.job(running.id).progress
                    == JobProgress(done: 5_000, message: "half"))
            try await running.fail(JobFailure("no", retryAfterMilliseconds: 3_600_000))
            #expect(try await running.worker.job(running.id).progress == nil)
        }
    }

    @Test func `a stale token keeps no line, checkpoint or progress`() async throws {
        try await BrokerHarness.run { broker in
            let running = try await Running(broker)
            let (id, stale) = (running.id, running.token + 1)
            let worker = running.worker
            #expect(await worker.refusal(Log(id: id, token: stale, lines: ["x"])) == .leaseLost)
            let checkpoint = CheckpointMessage(
                id: id, token: stale, bytes: ByteBuffer(string: "x"))
            #expect(await worker.refusal(checkpoint) == .leaseLost)
            #expect(try await worker.job(id).logLines == nil)
            #expect(try await worker.job(id).checkpointBytes == nil)
        }
    }

    @Test func `a worker that stops at the timeout fails the job, with the timeout it was told`()
        async throws
    {
        try await BrokerHarness.run { broker in
            let running = try await Running(
                broker, options: .with { $0.timeoutMilliseconds = 50 })
            let job = try await running.worker.job(running.id)
            let ends = try #require(job.leaseEndsAt)
            #expect(ends <= job.startedAt + 50 + UInt64(Limits.timeoutGraceMilliseconds))
            let outcome = try await running.worker.settle([
                Settlement(id: running.id, token: running.token, .extend(milliseconds: 600_000))
            ])
            #expect(outcome == [nil])
            #expect(try await running.worker.job(running.id).leaseEndsAt == ends)
        }
    }
}
