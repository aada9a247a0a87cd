import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct SubmitOptionsTests {
    private func options(_ fill: (inout SubmitOptions.Fields) -> Void) -> SubmitOptions {
        SubmitOptions.with(fill)
    }

    private func unique(
        _ key: String, _ policy: UniqueKey.Policy = .existing, samePayload: Bool = false
    ) -> SubmitOptions {
        options {
            $0.unique = UniqueKey(
                key, scope: .active, policy: policy, requiresSamePayload: samePayload)
        }
    }

    @Test func `what a submission says reaches the worker and whoever looks`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let tags = try JobTags(["urgent", "eu"])
            let headers = try JobHeaders([("traceparent", "00-ab-cd-01"), ("X-Tenant", "7")])
            let said = options {
                $0.priority = 200
                $0.timeoutMilliseconds = 60_000
                $0.expiresMilliseconds = 3_600_000
                $0.tags = tags
                $0.headers = headers
                $0.maxCrashes = 3
                $0.unique = UniqueKey("k", scope: .active)
            }
            let id = try await client.submitAll(Submit("q", ["x"], options: said))[0]
            let job = try await client.job(id)
            #expect(job.priority == 200)
            #expect(job.timeoutMilliseconds == 60_000)
            #expect(job.expiresAt == job.createdAt + 3_600_000)
            #expect(job.tags == tags)
            #expect(job.headers == headers)
            #expect(job.unique == .init(scope: .active, isHeld: true, key: "k"))
            let inbox = PushInbox()
            let worker = try await broker.connect(inbox: inbox)
            try await worker.subscribe("q", credit: 1)
            let delivery = await inbox.jobs(1)[0].delivery
            #expect(
                delivery.options
                    == DeliveryOptions(
                        headers: headers, timeoutMilliseconds: 60_000, tags: tags, priority: 200))
        }
    }

    @Test func `higher priorities are delivered first`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let worker = try await broker.connect(inbox: inbox)
            for priority in [1, 255, 128, 254] as [UInt8] {
                let said = options { $0.priority = priority }
                _ = try await worker.submitAll(Submit("q", ["\(priority)"], options: said))
            }
            try await worker.subscribe("q", credit: 10)
            let jobs = await inbox.jobs(4)
            #expect(
                jobs.map { String(buffer: $0.delivery.payload.bytes) } == [
                    "255", "254", "128", "1",
                ]
            )
        }
    }

    @Test func `an item's options count before its frame's`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            var submit = Submit("q", ["a", "b"], options: options { $0.priority = 7 })
            submit.items[1].options = options { $0.priority = 9 }
            let ids = try await client.submitAll(submit)
            #expect(try await client.job(ids[0]).priority == 7)
            #expect(try await client.job(ids[1]).priority == 9)
        }
    }

    @Test func `a delayed job is scheduled until its time`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let worker = try await broker.connect(inbox: inbox)
            try await worker.subscribe("q", credit: 10)
            let late = try await worker.submitAll(
                Submit("q", ["late"], options: options { $0.due = .delay(3_600_000) }))[0]
            let job = try await worker.job(late)
            #expect(job.state == .scheduled)
            #expect(job.dueAt == job.createdAt + 3_600_000)
            _ = try await worker.submitAll(
                Submit("q", ["soon"], options: options { $0.due = .delay(5) }))
            _ = try await worker.submitAll(
                Submit("q", ["past"], options: options { $0.due = .at(1) }))
            let texts = await inbox.jobs(2).map { String(buffer: $0.delivery.payload.bytes) }
            #expect(Set(texts) == ["soon", "past"])
        }
    }

    @Test func `a job that waits longer than its time to live expires`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let id = try await client.submitAll(
                Submit("q", ["x"], options: options { $0.expiresMilliseconds = 5 }))[0]
            let job = try await client.request(
                Wait(id: id, milliseconds: 10_000, parts: []), expecting: JobInfo.self)
            #expect(job.state == .expired)
        }
    }

    @Test func `each policy answers a held key in its own way, with the holder`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let holder = try await client.submitAll(Submit("q", ["a"], options: unique("k")))[0]
            let same = try await client.submit(Submit("q", ["b"], options: unique("k")))
            #expect(same.codes == [.duplicate])
            #expect(same.actuals == [holder.rawValue])
            let taken = try await client.submit(Submit("q", ["b"], options: unique("k", .reject)))
            #expect(taken.codes == [.uniqueTaken])
            #expect(taken.actuals == [holder.rawValue])
            let other = try await client.submit(
                Submit("q", ["b"], options: unique("k", samePayload: true)))
            #expect(other.codes == [.uniqueMismatch])
            let again = try await client.submit(
                Submit("q", ["a"], options: unique("k", samePayload: true)))
            #expect(again.codes == [.duplicate])
            let next = try await client.submitAll(
                Submit("q", ["c"], options: unique("k", .replace)))
            #expect(try await client.job(holder).state == .cancelled)
            #expect(try await client.job(next[0]).state == .ready)
        }
    }

    @Test func `an atomic batch is refused whole for a key that is taken, and not for a duplicate`()
        async throws
    {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            _ = try await client.submitAll(Submit("q", ["a"], options: unique("k")))
            var submit = Submit("q", ["x", "y"])
            submit.isAtomic = true
            submit.items[1].options = unique("k", .reject)
            #expect(try await client.submit(submit).codes == [.batchRefused, .uniqueTaken])
            #expect(try await client.queueInfo("q").ready == 1)
            submit.items[1].options = unique("k")
            #expect(try await client.submit(submit).codes == [nil, .duplicate])
            #expect(try await client.queueInfo("q").ready == 2)
        }
    }

    @Test func `a request with duplicates is answered again as it was`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let holder = try await client.submitAll(Submit("q", ["a"], options: unique("k")))[0]
            var submit = Submit("q", ["a"], options: unique("k"))
            (submit.producer, submit.sequence, submit.floor) = (9, 1, 1)
            let first = try await client.submit(submit)
            #expect(first.codes == [.duplicate])
            _ = try await client.act(.cancel, [holder])
            let again = try await client.submit(submit)
            #expect(again.isRepeated)
            #expect(again.runs == first.runs)
        }
    }

    @Test func `a full queue refuses jobs one by one, an atomic batch whole`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            try await client.done(QueueSet(queue: "q", settings: .init(depthMax: 2)))
            let some = try await client.submit(Submit("q", ["a", "b", "c"]))
            #expect(some.codes == [nil, nil, .queueFull])
            #expect(some.actuals[2] == 3)
            try await client.done(QueueSet(queue: "q", settings: .init(depthMax: 3)))
            var submit = Submit("q", ["d", "e"])
            submit.isAtomic = true
            #expect(try await client.submit(submit).codes == [.batchRefused, .queueFull])
            #expect(try await client.queueInfo("q").ready == 2)
        }
    }

    @Test func `long submissions have options and keys as short ones do`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            func long(_ seed: UInt8, _ options: SubmitOptions) -> Submit {
                let payload = Payload.plain(.pattern(1_100_000, seed: seed))
                return Submit(
                    queue: "q", type: "t", items: [SubmitItem(payload: payload, options: options)])
            }
            let holder = try await client.submitAll(long(1, unique("k")))[0]
            #expect(try await client.job(holder).unique?.key == "k")
            #expect(try await client.submit(long(2, unique("k"))).codes == [.duplicate])
            var atomic = long(3, unique("k", .reject))
            atomic.items.append(SubmitItem(payload: .plain(ByteBuffer(string: "x"))))
            atomic.isAtomic = true
            #expect(try await client.submit(atomic).codes == [.uniqueTaken, .batchRefused])
            try await client.done(QueueSet(queue: "q", drains: true))
            #expect(
                await client.refusal(long(4, SubmitOptions()), expecting: Submitted.self)
                    == .queueDraining)
            #expect(try await client.queueInfo("q").ready == 1)
        }
    }

    @Test func `many jobs that are due at the same instant all come`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let client = try await broker.connect(inbox: inbox)
            try await client.subscribe("q", credit: 65_535)
            let first = try await client.submitAll(
                Submit("q", ["x"], options: options { $0.due = .delay(1_000) }))[0]
            let instant = try await client.job(first).dueAt
            for _ in 0..<20 {
                let batch = Submit(
                    "q", (0..<500).map { "\($0)" }, options: options { $0.due = .at(instant) })
                _ = try await client.submitAll(batch)
            }
            let jobs = await inbox.jobs(10_001)
            #expect(Set(jobs.map(\.delivery.fields.id)).count == 10_001)
        }
    }

    @Test func `subscribers are served again after what was ready had expired`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let client = try await broker.connect(inbox: inbox)
            try await client.done(QueueSet(queue: "q", pause: .init(by: "", reason: "")))
            try await client.subscribe("q", credit: 1)
            let id = try await client.submitAll(
                Submit("q", ["x"], options: options { $0.expiresMilliseconds = 1 }))[0]
            _ = try await client.request(
                Wait(id: id, milliseconds: 10_000, parts: []), expecting: JobInfo.self)
            try await client.done(QueueSet(queue: "q", resumes: true))
            let next = try await client.submitAll(Submit("q", ["y"]))
            #expect(await inbox.jobs(1).map(\.delivery.fields.id) == next)
        }
    }
}
