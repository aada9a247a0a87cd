import Broker
import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct ActTests {
    @Test func `each job of an action has its own outcome`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let ids = try await client.submitAll(Submit("q", ["a", "b"]))
            _ = try await client.act(.cancel, [ids[0]])
            let unknown = JobID(rawValue: 99)
            let results = try await client.act(.delete, [ids[0], ids[1], unknown])
            #expect(results.map(\.code) == [nil, .jobState, .jobNotFound])
            #expect(results[0] == .success(nil))
            #expect(try results[1].refusal().actual == UInt64(JobState.ready.rawValue))
            #expect(
                await client.refusal(Get(id: ids[0], parts: []), expecting: JobInfo.self)
                    == .jobNotFound)
        }
    }

    @Test func `a finished job is not cancelled, and says what it is`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let client = try await broker.connect(inbox: inbox)
            try await client.subscribe("q", credit: 1)
            let id = try await client.submitAll(Submit("q", ["x"]))[0]
            let token = await inbox.jobs(1)[0].token
            _ = try await client.settle([Settlement(id: id, token: token, .complete(nil))])
            let result = try await client.act(.cancel, [id])[0]
            #expect(result.code == .jobFinished)
            #expect(try result.refusal().actual == UInt64(JobState.completed.rawValue))
        }
    }

    @Test func `a dead job that is retried runs again, and says so`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let client = try await broker.connect(inbox: inbox)
            try await client.subscribe("q", credit: 1)
            let id = try await client.submitAll(Submit("q", ["x"]))[0]
            let token = await inbox.jobs(1)[0].token
            let failure = JobFailure("no", discards: true)
            _ = try await client.settle([Settlement(id: id, token: token, .fail(failure))])
            #expect(try await client.job(id).state == .dead)
            #expect(try await client.act(.retry, [id]) == [.success(.ready)])
            let again = await inbox.jobs(1)[0]
            #expect(again.delivery.fields.id == id)
            #expect(again.delivery.fields.failures == 0)
            let retried = try #require(try await client.job(id).retried)
            #expect(retried.count == 1)
            #expect(retried.stateBefore == .dead)
        }
    }

    @Test func `more jobs than a batch has, and options of another action, are refused`()
        async throws
    {
        try await BrokerHarness.run {
            $0.limits.batchMax = 2
        } _: { broker in
            let client = try await broker.connect()
            let ids = (1...3).map { JobID(rawValue: $0) }
            #expect(
                await client.refusal(Act(.delete, ids: ids), expecting: Acted.self)
                    == .batchTooLarge)
            let wrong = Act(.delete, ids: [ids[0]], options: ActOptions(priority: 1))
            #expect(await client.refusal(wrong, expecting: Acted.self) == .optionInvalid)
        }
    }

    @Test func `an edit changes what it names and nothing else`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let client = try await broker.connect(inbox: inbox)
            let tags = try JobTags(["kept"])
            let id = try await client.submitAll(
                Submit("q", ["old"], options: .with { $0.tags = tags }))[0]
            let payload = Payload.plain(.pattern(5_000))
            try await client.done(
                Edit(id: id, options: .with { $0.priority = 250 }, payload: payload))
            let job = try await client.job(id)
            #expect(job.priority == 250)
            #expect(job.tags == tags)
            #expect(job.payloadBytes == 5_000)
            try await client.subscribe("q", credit: 1)
            #expect(await inbox.jobs(1)[0].delivery.payload == payload)
            #expect(await client.refusal(Edit(id: id, payload: payload)) == .jobState)
            #expect(
                await client.refusal(Edit(id: JobID(rawValue: 99), payload: payload))
                    == .jobNotFound)
        }
    }

    @Test func `an edit takes tags and headers away`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let (tags, headers) = (try JobTags(["a"]), try JobHeaders([("n", "v")]))
            let id = try await client.submitAll(
                Submit(
                    "q", ["x"],
                    options: .with {
                        $0.tags = tags
                        $0.headers = headers
                    }))[0]
            try await client.done(Edit(id: id, options: .with { $0.tags = .empty }))
            var job = try await client.job(id)
            #expect(job.tags == nil)
            #expect(job.headers == headers)
            let tagged = List(limit: 1, filter: JobFilter(tag: "a"), isFresh: true)
            #expect(try await client.request(tagged, expecting: JobPage.self).jobs.isEmpty)
            try await client.done(Edit(id: id, options: .with { $0.headers = .empty }))
            job = try await client.job(id)
            #expect(job.headers == nil)
            let submitted = Submit("q", ["x"], options: .with { $0.tags = .empty })
            #expect(await client.refusal(submitted, expecting: Submitted.self) == .optionInvalid)
        }
    }

    @Test func `an edit with a payload or options out of the rules changes nothing`() async throws {
        try await BrokerHarness.run {
            $0.limits.payloadBytesMax = 1_000
        } _: { broker in
            let client = try await broker.connect()
            let id = try await client.submitAll(Submit("q", ["x"]))[0]
            var damaged = Payload.plain(ByteBuffer(string: "y"))
            damaged.checksum ^= 1
            #expect(await client.refusal(Edit(id: id, payload: damaged)) == .payloadDamaged)
            let long = Payload.plain(.pattern(1_001))
            #expect(await client.refusal(Edit(id: id, payload: long)) == .payloadTooLarge)
            let attempts = Edit(id: id, options: .with { $0.maxAttempts = 3 })
            #expect(await client.refusal(attempts) == .optionInvalid)
            #expect(try await client.job(id).payloadBytes == 1)
        }
    }
}

extension Result where Failure == WireError {
    var code: ErrorCode? { if case .failure(let error) = self { error.code } else { nil } }

    func refusal() throws -> WireError {
        guard case .failure(let error) = self else {
            throw WireError(.internal, "it was not refused")
        }
        return error
    }
}
