import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct ExplainTests {
    private func codes(_ id: JobID, _ client: WireConnection) async throws -> [Explanation.Code] {
        try await explain(id, client).reasons.map(\.code)
    }

    private func explain(_ id: JobID, _ client: WireConnection) async throws -> Explanation {
        try await client.request(Explain(id: id), expecting: Explanation.self)
    }

    @Test func `a ready job waits for a subscriber, for credit, and for those ahead of it`()
        async throws
    {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let client = try await broker.connect(inbox: inbox)
            let ids = try await client.submitAll(Submit("q", ["a", "b", "c"]))
            let alone = try await explain(ids[2], client)
            #expect(alone.state == .ready)
            #expect(alone.reasons.map(\.code) == [.noSubscriber, .inLine])
            #expect(alone.reasons.last?.number == 2)
            #expect(alone.reasons.last?.sentence == "2 jobs are delivered before it")
            let second = try await explain(ids[1], client).reasons.last
            #expect(second?.sentence == "1 job is delivered before it")
            let next = try await explain(ids[0], client).reasons.last
            #expect(next?.sentence == "it is the next to be delivered")
            try await client.subscribe("q", credit: 1)
            _ = await inbox.jobs(1)
            let waiting = try await explain(ids[2], client)
            #expect(waiting.reasons.map(\.code) == [.noCredit, .inLine])
            #expect(waiting.reasons.map(\.number) == [1, 1])
        }
    }

    @Test func `a paused queue says by whom and why`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let id = try await client.submitAll(Submit("q", ["x"]))[0]
            try await client.done(QueueSet(queue: "q", pause: .init(by: "ann", reason: "repair")))
            let reason = try #require(try await explain(id, client).reasons.first)
            #expect(reason.code == .queuePaused)
            #expect(reason.detail == "ann: repair")
            #expect(reason.since > 0)
        }
    }

    @Test func `a running job says where, also when its worker is away`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let client = try await broker.connect()
            let worker = try await broker.connect(inbox: inbox)
            try await worker.subscribe("q", credit: 1)
            let id = try await client.submitAll(Submit("q", ["x"]))[0]
            _ = await inbox.jobs(1)
            let running = try await explain(id, client)
            #expect(running.reasons.map(\.code) == [.running])
            #expect(running.reasons[0].number == (await worker.welcome).session)
            #expect(running.reasons[0].until > running.reasons[0].since)
            _ = try await client.act(.cancel, [id], ActOptions(reason: "why not"))
            #expect(try await codes(id, client) == [.running, .cancelling])
            await worker.close()
            while try await codes(id, client) == [.running, .cancelling] {}
            #expect(try await codes(id, client) == [.running, .workerAway, .cancelling])
        }
    }

    @Test func `a worker is shown by the host and process that it named`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let hello = Hello(client: "test/1", host: "build-3", processID: 4_711)
            let worker = try await BrokerHarness.connect(
                to: broker.endpoint, hello: hello, inbox: inbox)
            try await worker.subscribe("q", credit: 1)
            let id = try await worker.submitAll(Submit("q", ["x"]))[0]
            _ = await inbox.jobs(1)
            #expect(try await worker.job(id).worker == "build-3/4711")
            #expect(try await explain(id, worker).reasons.map(\.detail) == ["build-3/4711"])
        }
    }

    @Test func `scheduled and finished jobs say until when`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let client = try await broker.connect(inbox: inbox)
            let late = try await client.submitAll(
                Submit("q", ["x"], options: .with { $0.due = .delay(60_000) }))[0]
            let delayed = try await explain(late, client).reasons[0]
            #expect(delayed.code == .delayed)
            #expect(delayed.until == (try await client.job(late)).dueAt)
            try await client.subscribe("r", credit: 1)
            let id = try await client.submitAll(Submit("r", ["x"]))[0]
            let token = await inbox.jobs(1)[0].token
            let failure = JobFailure("out of luck", retryAfterMilliseconds: 60_000)
            _ = try await client.settle([Settlement(id: id, token: token, .fail(failure))])
            let retry = try await explain(id, client).reasons[0]
            #expect(retry.code == .retry)
            #expect(retry.number == 1)
            #expect(retry.detail == "out of luck")
            #expect(retry.sentence.hasPrefix("it failed (out of luck) and is tried again in "))
            _ = try await client.act(.cancel, [id], ActOptions(reason: "not needed"))
            let finished = try await explain(id, client)
            #expect(finished.state == .cancelled)
            #expect(finished.reasons.map(\.code) == [.finished])
            #expect(finished.reasons[0].until > finished.reasons[0].since)
            let sentence = finished.reasons[0].sentence
            #expect(sentence.hasPrefix("it has been cancelled for "), "\(sentence)")
            #expect(sentence.contains(" (not needed), and is kept for "), "\(sentence)")
            #expect(
                await client.refusal(
                    Explain(id: JobID(rawValue: 99)), expecting: Explanation.self) == .jobNotFound)
        }
    }
}
