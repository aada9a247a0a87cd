import MartletClient
import MartletWire
import NIOCore
import NIOPosix
import TestSupport
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct StagingTests {
    private static func large(_ seed: UInt8) -> Payload {
        .plain(.pattern(6 << 20, seed: seed))
    }

    @Test func `small and large payloads of a batch arrive whole, leased in order`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let worker = try await broker.connect(inbox: inbox)
            let payloads = [
                Payload.plain(ByteBuffer(string: "small")), Self.large(1), Self.large(2),
                Payload.plain(ByteBuffer(string: "last")),
            ]
            let submit = Submit(
                queue: "q", type: "t", items: payloads.map { SubmitItem(payload: $0) })
            let ids = try await worker.submitAll(submit)
            try await worker.subscribe("q", credit: 10)
            // The small one behind the long ones may pass them on its way.
            let jobs = await inbox.jobs(4).sorted {
                ($0.token, $0.delivery.fields.id) < ($1.token, $1.delivery.fields.id)
            }
            #expect(jobs.map(\.delivery.fields.id) == ids)
            #expect(jobs.map(\.delivery.payload) == payloads)
        }
    }

    @Test func `payloads of any length share a submission that takes several turns`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let worker = try await broker.connect(inbox: inbox)
            let payloads = (0..<60).map { index in
                Payload.plain(
                    ByteBuffer(
                        bytes: (0..<(index * 3_331 + 1)).map {
                            UInt8(truncatingIfNeeded: $0 ^ index)
                        }))
            }
            let submit = Submit(
                queue: "q", type: "t", items: payloads.map { SubmitItem(payload: $0) })
            let ids = try await worker.submitAll(submit)
            try await worker.subscribe("q", credit: 100)
            let jobs = await inbox.jobs(60)
            #expect(jobs.map(\.delivery.fields.id) == ids)
            #expect(jobs.map(\.delivery.payload) == payloads)
        }
    }

    @Test func `a refused item is refused alone, and leaves nothing behind`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            var damaged = Self.large(1)
            damaged.checksum ^= 1
            let payloads = [Self.large(2), damaged, Self.large(3)]
            let submit = Submit(
                queue: "q", type: "t", items: payloads.map { SubmitItem(payload: $0) })
            let reply = try await client.request(submit, expecting: Submitted.self)
            #expect(reply.runs.map(\.count) == [1, 1, 1])
            guard case .refused(let error, _) = reply.runs[1] else {
                Issue.record("the damaged payload was accepted")
                return
            }
            #expect(error.code == .payloadDamaged)
            let page = try await client.request(Queues(queue: "q"), expecting: QueuePage.self)
            #expect(page.queues[0].ready == 2)
        }
    }

    @Test func `a client that leaves while its payload is stored does no harm`() async throws {
        try await BrokerHarness.run { broker in
            let leaving = try await broker.connect()
            for seed in 0..<3 {
                let payload = Self.large(UInt8(seed))
                await leaving.send(
                    Submit(queue: "q", type: "t", items: [SubmitItem(payload: payload)]))
            }
            _ = try await leaving.request(Ping(), expecting: Pong.self)
            await leaving.close()
            let inbox = PushInbox()
            let worker = try await broker.connect(inbox: inbox)
            try await worker.subscribe("q", credit: 10)
            #expect(await inbox.jobs(3).count == 3)
        }
    }

    @Test func `a request sent again while it is being stored makes its jobs once`() async throws {
        try await BrokerHarness.run { broker in
            let payload = Self.large(1)
            var submit = Submit(queue: "q", type: "t", items: [SubmitItem(payload: payload)])
            (submit.producer, submit.sequence, submit.floor) = (9, 1, 1)
            let request = submit
            let first = try await broker.connect()
            let second = try await broker.connect()
            // Whichever comes first.
            async let one = first.request(request, expecting: Submitted.self)
            let reply = try await second.request(request, expecting: Submitted.self)
            #expect(try await one.runs == reply.runs)
            let again = try await second.request(request, expecting: Submitted.self)
            #expect(again.runs == reply.runs)
            let page = try await second.request(Queues(queue: "q"), expecting: QueuePage.self)
            #expect(page.queues[0].ready == 1)
        }
    }

    // MARK: Results

    /// Takes one job and settles it with `result`.
    private func settle(
        _ id: JobID, with result: Payload, by worker: WireConnection, _ inbox: PushInbox
    ) async throws -> [WireError?] {
        try await worker.subscribe("q", credit: 10)
        let job = try #require(await inbox.jobs(1).first)
        #expect(job.delivery.fields.id == id)
        return try await worker.settle([
            MartletWire.Settlement(id: id, token: job.token, .complete(result))
        ])
    }

    @Test func `a long result arrives whole, and its job is completed once`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let worker = try await broker.connect(inbox: inbox)
            let id = try await worker.submitAll(Submit("q", ["x"]))[0]
            let result = Self.large(5)
            #expect(try await settle(id, with: result, by: worker, inbox) == [nil])
            let wait = Wait(id: id, milliseconds: 1_000, parts: .result)
            let job = try await worker.request(wait, expecting: JobInfo.self)
            #expect(job.state == .completed)
            #expect(job.result == result)
            let page = try await worker.request(Queues(queue: "q"), expecting: QueuePage.self)
            #expect(page.queues[0].completed == 1)
        }
    }

    @Test func `a long settlement is answered item by item`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let worker = try await broker.connect(inbox: inbox)
            let ids = try await worker.submitAll(Submit("q", ["a", "b", "c", "d"]))
            try await worker.subscribe("q", credit: 10)
            let token = try #require(await inbox.jobs(4).first).token
            var damaged = Self.large(1)
            damaged.checksum ^= 1
            let errors = try await worker.settle([
                .init(id: ids[0], token: token, .complete(Self.large(2))),
                .init(id: ids[1], token: token, .complete(damaged)),
                .init(id: ids[2], token: token + 1, .complete(Self.large(3))),
                .init(id: ids[3], token: token, .complete(.plain(ByteBuffer(string: "short")))),
            ])
            #expect(errors.map { $0?.code } == [nil, .payloadDamaged, .leaseLost, nil])
            let first = try await worker.request(
                Get(id: ids[0], parts: .result), expecting: JobInfo.self)
            #expect(first.result == Self.large(2))
            let last = try await worker.request(
                Get(id: ids[3], parts: .result), expecting: JobInfo.self)
            #expect(last.result == .plain(ByteBuffer(string: "short")))
        }
    }

    @Test func `what was settled before BYE counts, however long it is`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let worker = try await broker.connect(inbox: inbox)
            let id = try await worker.submitAll(Submit("q", ["x"]))[0]
            try await worker.subscribe("q", credit: 10)
            let token = try #require(await inbox.jobs(1).first).token
            let settle = Settle(items: [.init(id: id, token: token, .complete(Self.large(4)))])
            try await say(settle, thenBye: await worker.welcome, to: broker)
            let other = try await broker.connect()
            let job = try await other.request(Get(id: id, parts: .result), expecting: JobInfo.self)
            #expect(job.result == Self.large(4))
        }
    }

    /// Resumes a session on a connection of its own, and sends a message and `BYE` behind its last frame: a
    /// client of ours lets short messages pass between the frames of long ones. Returns when the broker has
    /// closed the connection.
    private func say(
        _ message: some Message, thenBye welcome: Welcome, to broker: BrokerHarness
    ) async throws {
        var words = ByteBuffer()
        words.write(message, requestID: 0)
        words.write(Bye(), requestID: 2)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { [words] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(WordsHandler(words))
                }
            }
            .connect(host: broker.endpoint.host, port: broker.endpoint.port).get()
        var hello = ByteBuffer(bytes: Preface.bytes)
        hello.write(
            Hello(client: "test/1", session: welcome.session, secret: welcome.secret), requestID: 1)
        try await channel.writeAndFlush(hello)
        try await channel.closeFuture.get()
    }
}

/// Says something once it is welcome: whatever comes first is the `WELCOME`.
private final class WordsHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var words: ByteBuffer?

    init(_ words: ByteBuffer) { self.words = words }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let words else { return }
        self.words = nil
        context.writeAndFlush(wrapOutboundOut(words), promise: nil)
    }
}
