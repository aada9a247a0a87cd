import Broker
import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct JobLifeTests {
    @Test func `a job is submitted, delivered, completed, and its result awaited`() async throws {
        try await BrokerHarness.run { broker in
            let submitter = try await broker.connect()
            let ids = try await submitter.submitAll(Submit("q", ["one", "two"], type: "greet"))
            let inbox = PushInbox()
            let worker = try await broker.connect(inbox: inbox)
            try await worker.subscribe("q", credit: 10)
            let jobs = await inbox.jobs(2)
            #expect(jobs.map { String(buffer: $0.delivery.payload.bytes) } == ["one", "two"])
            #expect(jobs.map(\.delivery.fields.id) == ids)
            #expect(jobs.map(\.type) == ["greet", "greet"])
            async let waiting = submitter.request(
                Wait(id: ids[0], milliseconds: 10_000, parts: .result), expecting: JobInfo.self)
            let result = Payload.plain(ByteBuffer(string: "ONE"))
            let outcomes = try await worker.settle(
                jobs.map {
                    Settlement(id: $0.delivery.fields.id, token: $0.token, .complete(result))
                })
            #expect(outcomes == [nil, nil])
            let job = try await waiting
            #expect(job.state == .completed)
            #expect(job.attempts == 1)
            #expect(job.result.map { String(buffer: $0.bytes) } == "ONE")
        }
    }

    @Test func `a failed job waits for its backoff and comes again with its failure counted`()
        async throws
    {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let worker = try await broker.connect(inbox: inbox)
            try await worker.subscribe("q", credit: 1)
            let options = SubmitOptions.with {
                $0.maxAttempts = 2
                $0.backoff = .init(baseMilliseconds: 1, capMilliseconds: 1)
            }
            let id = try await worker.submitAll(Submit("q", ["x"], options: options))[0]
            for attempt in 1...2 {
                let job = await inbox.jobs(1)[0]
                #expect(job.delivery.fields.attempt == attempt)
                _ = try await worker.settle([
                    Settlement(id: id, token: job.token, .fail(JobFailure("no")))
                ])
            }
            let job = try await worker.request(
                Get(id: id, parts: .payload), expecting: JobInfo.self)
            #expect(job.state == .dead)
            #expect(job.failures == 2)
            #expect(job.error == "no")
            #expect(job.payload.map { String(buffer: $0.bytes) } == "x")
        }
    }

    @Test func `a worker whose lease ended gets its credit back, and the job again`() async throws {
        try await BrokerHarness.run {
            $0.limits.graceMilliseconds = 1
        } _: { broker in
            let inbox = PushInbox()
            let worker = try await broker.connect(inbox: inbox)
            try await worker.subscribe("q", credit: 1, lease: 1_000)
            _ = try await worker.submitAll(Submit("q", ["x"]))
            let first = await inbox.jobs(1)[0]
            let again = await inbox.jobs(1)[0]
            #expect(again.delivery.fields.crashes == 1)
            #expect(again.token > first.token)
        }
    }

    @Test func `settling what an earlier subscription got gives no credit to a later one`()
        async throws
    {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let worker = try await broker.connect(inbox: inbox)
            _ = try await worker.submitAll(Submit("q", ["a", "b", "c"]))
            try await worker.subscribe("q", credit: 1)
            let first = await inbox.jobs(1)[0]
            _ = try await worker.request(Unsubscribe(subscription: 1), expecting: Done.self)
            try await worker.subscribe("q", credit: 1)
            let second = await inbox.jobs(1)[0]
            func complete(_ id: JobID, _ token: UInt64) async throws {
                let outcomes = try await worker.settle([
                    Settlement(id: id, token: token, .complete(nil))
                ])
                #expect(outcomes == [nil])
            }
            try await complete(first.delivery.fields.id, first.token)
            let queue = try await worker.request(Queues(queue: "q"), expecting: QueuePage.self)
            #expect(queue.queues.map(\.ready) == [1])
            try await complete(second.delivery.fields.id, second.token)
            #expect(String(buffer: await inbox.jobs(1)[0].delivery.payload.bytes) == "c")
        }
    }

    @Test func `a batch of completions is answered item by item, and gives its credit back`()
        async throws
    {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let worker = try await broker.connect(inbox: inbox)
            let brief = SubmitOptions.with { $0.retainCompletedMilliseconds = 0 }
            let many = (0..<10).map { "\($0)" }
            let first = try await worker.submitAll(Submit("q", many, options: brief))
            let kept = try await worker.submitAll(Submit("q", ["kept"]))
            let last = try await worker.submitAll(Submit("q", many, options: brief))
            try await worker.subscribe("q", credit: 16)
            let jobs = await inbox.jobs(16)
            func complete(_ job: Int, staleBy stale: UInt64 = 0) -> Settlement {
                let (token, delivery, _) = jobs[job]
                return Settlement(id: delivery.fields.id, token: token + stale, .complete(nil))
            }
            let outcomes = try await worker.settle(
                (0..<4).map { complete($0) } + [complete(4, staleBy: 1)]
                    + (5..<16).map { complete($0) } + [complete(14), complete(15)])
            let refused = outcomes.indices.filter { outcomes[$0]?.code == .leaseLost }
            #expect(refused == [4, 16, 17])
            #expect(outcomes.count == 18 && outcomes.compactMap { $0 }.count == 3)
            #expect(try await worker.job(kept[0]).state == .completed)
            #expect(await inbox.jobs(5).map(\.delivery.fields.id) == last.suffix(5))
            let queue = try await worker.queueInfo("q")
            #expect((queue.running, queue.ready, queue.retained) == (6, 0, 1))
            #expect(first.count == 10)
        }
    }

    @Test func `a stale token changes nothing`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let worker = try await broker.connect(inbox: inbox)
            try await worker.subscribe("q", credit: 1)
            let id = try await worker.submitAll(Submit("q", ["x"]))[0]
            let first = await inbox.jobs(1)[0]
            _ = try await worker.settle([Settlement(id: id, token: first.token, .release)])
            let second = await inbox.jobs(1)[0]
            #expect(second.token > first.token)
            #expect(second.delivery.fields.interruptions == 1)
            let stale = try await worker.settle([
                Settlement(id: id, token: first.token, .complete(nil))
            ])
            #expect(stale.first??.code == .leaseLost)
            #expect(
                try await worker.settle([Settlement(id: id, token: second.token, .complete(nil))])
                    == [nil])
        }
    }

    @Test(arguments: [1, 1_800, 1_801, 300_000, 16 << 20])
    func `a payload arrives as it was sent`(bytes: Int) async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let worker = try await broker.connect(inbox: inbox)
            try await worker.subscribe("q", credit: 1)
            let payload = Payload.plain(.pattern(bytes))
            let submit = Submit(queue: "q", type: "t", items: [SubmitItem(payload: payload)])
            let id = try await worker.submitAll(submit)[0]
            let job = await inbox.jobs(1)[0]
            #expect(job.delivery.payload == payload)
            _ = try await worker.settle([Settlement(id: id, token: job.token, .complete(payload))])
            let info = try await worker.request(
                Get(id: id, parts: .result), expecting: JobInfo.self)
            #expect(info.result == payload)
        }
    }

    @Test func `a resent request is answered as it was the first time`() async throws {
        try await BrokerHarness.run { broker in
            let one = try await broker.connect()
            var submit = Submit("q", ["a", "b"])
            (submit.producer, submit.sequence, submit.floor) = (7, 1, 1)
            let first = try await one.request(submit, expecting: Submitted.self)
            let two = try await broker.connect()
            let again = try await two.request(submit, expecting: Submitted.self)
            #expect(again.isRepeated)
            #expect(again.runs == first.runs)
            let page = try await two.request(Queues(queue: "q"), expecting: QueuePage.self)
            #expect(page.queues[0].ready == 2)
        }
    }
}
