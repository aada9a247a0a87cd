import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct QueueSettingsTests {
    @Test func `a paused queue delivers nothing until it is resumed`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let client = try await broker.connect(inbox: inbox)
            try await client.done(
                QueueSet(queue: "q", pause: .init(by: "me", reason: "a repair")))
            try await client.subscribe("q", credit: 1)
            let id = try await client.submitAll(Submit("q", ["x"]))[0]
            let info = try await client.queueInfo("q")
            #expect(info.paused?.by == "me")
            #expect(info.paused?.reason == "a repair")
            #expect(info.ready == 1)
            try await client.done(QueueSet(queue: "q", resumes: true))
            #expect(await inbox.jobs(1).map(\.delivery.fields.id) == [id])
            #expect(try await client.queueInfo("q").paused == nil)
        }
    }

    @Test func `a draining queue refuses submissions and works off what it has`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let client = try await broker.connect(inbox: inbox)
            _ = try await client.submitAll(Submit("q", ["x"]))
            try await client.done(QueueSet(queue: "q", drains: true))
            let more = Submit("q", ["y"])
            #expect(await client.refusal(more, expecting: Submitted.self) == .queueDraining)
            try await client.subscribe("q", credit: 1)
            #expect(await inbox.jobs(1).count == 1)
            #expect(try await client.queueInfo("q").drainingSince != nil)
            try await client.done(QueueSet(queue: "q", drains: false))
            _ = try await client.submitAll(more)
        }
    }

    @Test func `settings are shown as they were said, and defaults fill what a job leaves out`()
        async throws
    {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let defaults = SubmitOptions.with {
                $0.priority = 9
                $0.maxAttempts = 3
                $0.backoff = .init(kind: .fixed, jitter: .none, baseMilliseconds: 5)
                $0.timeoutMilliseconds = 1_000
            }
            let settings = QueueSettings(
                depthMax: 10, bytesMax: 1_000, order: .lastInFirstOut, defaults: defaults)
            try await client.done(QueueSet(queue: "q", settings: settings))
            #expect(try await client.queueInfo("q").settings == settings)
            let ids = try await client.submitAll(Submit("q", ["a"]))
            let own = try await client.submitAll(
                Submit("q", ["b"], options: .with { $0.priority = 8 }))
            #expect(try await client.job(ids[0]).priority == 9)
            #expect(try await client.job(ids[0]).maxAttempts == 3)
            #expect(try await client.job(ids[0]).timeoutMilliseconds == 1_000)
            #expect(try await client.job(own[0]).priority == 8)
            let late = QueueSet(
                queue: "q", settings: .init(defaults: .with { $0.due = .delay(1) }))
            #expect(await client.refusal(late) == .optionInvalid)
        }
    }

    @Test func `a queue counts what becomes of its jobs`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let ids = try await client.submitAll(Submit("q", ["abc", "de"]))
            #expect(try await client.queueInfo("q").waitingBytes == 5)
            _ = try await client.act(.cancel, [ids[0]])
            let info = try await client.queueInfo("q")
            #expect(info.totals.submitted == 2)
            #expect(info.totals.cancelled == 1)
            #expect(info.cancelled == 1)
            #expect(info.rates.submitted == 2)
            #expect(info.waitingBytes == 2)
        }
    }

    @Test func `only an empty queue is deleted, unless with its jobs`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let client = try await broker.connect(inbox: inbox)
            try await client.subscribe("q", credit: 1)
            let ids = try await client.submitAll(Submit("q", ["running", "b"]))
            let token = await inbox.jobs(1)[0].token
            #expect(await client.refusal(QueueDelete(queue: "q")) == .queueNotEmpty)
            #expect(await client.refusal(QueueDelete(queue: "none")) == .queueNotFound)
            try await client.done(QueueDelete(queue: "q", withJobs: true))
            #expect(
                await client.refusal(Queues(queue: "q"), expecting: QueuePage.self)
                    == .queueNotFound)
            let late = try await client.settle([
                Settlement(id: ids[0], token: token, .complete(nil))
            ])
            #expect(late.map { $0?.code } == [.leaseLost])
            let next = try await client.submitAll(Submit("q", ["again"]))
            #expect(await inbox.jobs(1).map(\.delivery.fields.id) == next)
        }
    }

    @Test func `times are counted by type`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let client = try await broker.connect(inbox: inbox)
            try await client.subscribe("q", credit: 1)
            let id = try await client.submitAll(Submit("q", ["x"], type: "mail"))[0]
            let token = await inbox.jobs(1)[0].token
            _ = try await client.settle([Settlement(id: id, token: token, .complete(nil))])
            let page = try await client.request(Times(queue: "q"), expecting: TimesPage.self)
            #expect(page.types.map(\.type) == ["mail"])
            #expect(page.types[0].total.count == 1)
            #expect(page.types[0].total.buckets.reduce(0, +) == 1)
            #expect(
                await client.refusal(Times(queue: "none"), expecting: TimesPage.self)
                    == .queueNotFound)
        }
    }
}
