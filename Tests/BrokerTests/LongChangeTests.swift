import Broker
import MartletClient
import MartletWire
import NIOCore
import NIOPosix
import TestSupport
import Testing

/// Changes to jobs that are too long for one turn: others are answered meanwhile.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct LongChangeTests {
    private static func long(_ seed: UInt8) -> Payload { .plain(.pattern(2 << 20, seed: seed)) }

    /// As many jobs as an action may name, whose rows a turn can't change together.
    private func submitMany(_ client: WireConnection) async throws -> [JobID] {
        let item = SubmitItem(payload: .plain(.pattern(1_700)))
        let half = Submit(queue: "q", type: "t", items: Array(repeating: item, count: 512))
        return try await client.submitAll(half) + client.submitAll(half)
    }

    private let cancel = ActOptions(reason: String(repeating: "r", count: 1_000))

    @Test func `an action on many jobs lets a PING pass`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let ids = try await submitMany(client)
            let act = Act(.cancel, ids: ids, options: cancel)
            #expect(try await broker.order(of: act, Ping()) == [2, 1])
            #expect(try await client.queueInfo("q").cancelled == 1_024)
        }
    }

    @Test func `each job of a long action has its own outcome, in order`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            var ids = try await submitMany(client)
            _ = try await client.act(.purge, [ids[3]])
            ids[700] = JobID(rawValue: 99_999)
            let codes = try await client.act(.cancel, ids, cancel).map(\.code)
            #expect(codes.indices.filter { codes[$0] != nil } == [3, 700])
            #expect(codes[3] == .jobNotFound)
        }
    }

    @Test func `no later action overtakes a long one`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let ids = try await submitMany(client)
            let act = Act(.cancel, ids: ids, options: cancel)
            let delete = Act(.delete, ids: [ids[1_023]])
            #expect(try await broker.order(of: act, delete) == [1, 2])
            #expect(try await client.queueInfo("q").cancelled == 1_023)
        }
    }

    @Test func `a long edit lets a PING pass, and the job has the new payload`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let client = try await broker.connect(inbox: inbox)
            let id = try await client.submitAll(Submit("q", ["x"]))[0]
            let edit = Edit(id: id, options: .with { $0.priority = 9 }, payload: Self.long(7))
            #expect(try await broker.order(of: edit, Ping()) == [2, 1])
            let job = try await client.request(
                Get(id: id, parts: .payload), expecting: JobInfo.self)
            #expect(job.payload == Self.long(7))
            #expect(job.priority == 9)
            try await client.subscribe("q", credit: 1)
            #expect(await inbox.jobs(1)[0].delivery.payload == Self.long(7))
        }
    }

    @Test func `a short edit does not overtake a long one`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let id = try await client.submitAll(Submit("q", ["x"]))[0]
            let short = Payload.plain(ByteBuffer(string: "short"))
            let long = Edit(id: id, payload: Self.long(1))
            #expect(try await broker.order(of: long, Edit(id: id, payload: short)) == [1, 2])
            let job = try await client.request(
                Get(id: id, parts: .payload), expecting: JobInfo.self)
            #expect(job.payload == short)
        }
    }

    @Test func `a long edit of a job that does not take it leaves nothing behind`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let id = try await client.submitAll(Submit("q", ["x"]))[0]
            _ = try await client.act(.cancel, [id])
            #expect(await client.refusal(Edit(id: id, payload: Self.long(1))) == .jobState)
            let unknown = Edit(id: JobID(rawValue: 99), payload: Self.long(1))
            #expect(await client.refusal(unknown) == .jobNotFound)
            var damaged = Self.long(1)
            damaged.checksum ^= 1
            #expect(await client.refusal(Edit(id: id, payload: damaged)) == .payloadDamaged)
        }
    }
}

extension BrokerHarness {
    /// Sends two requests, numbers 1 and 2, at once on a connection of their own.
    /// - Returns: the numbers in the order in which they are answered.
    fileprivate func order(
        of first: some Message, _ second: some Message
    ) async throws -> [UInt64] {
        var hello = ByteBuffer(bytes: Preface.bytes)
        hello.write(Hello(client: "test/1"), requestID: 9)
        var words = ByteBuffer()
        words.write(first, requestID: 1)
        words.write(second, requestID: 2)
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let answers = loop.makePromise(of: [UInt64].self)
        let channel = try await ClientBootstrap(group: loop)
            .channelInitializer { [words] channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = AnswerOrder(words, answers)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .connect(host: endpoint.host, port: endpoint.port).get()
        try await channel.writeAndFlush(hello)
        let order = try await answers.futureResult.get()
        try await channel.close()
        return order
    }
}

/// Says something once it is welcome, and notes in which order that is answered.
private final class AnswerOrder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var words: ByteBuffer?
    private let answers: EventLoopPromise<[UInt64]>
    private var splitter = FrameSplitter(
        expectsPreface: false, frameBytesMax: Limits.frameBytesMax)
    private var seen: [UInt64] = []

    init(_ words: ByteBuffer, _ answers: EventLoopPromise<[UInt64]>) {
        self.words = words
        self.answers = answers
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if let words {
            self.words = nil
            return context.writeAndFlush(wrapOutboundOut(words), promise: nil)
        }
        splitter.append(unwrapInboundIn(data))
        do {
            while var run = try splitter.nextRun() {
                while let frame = run.readFrame() { seen.append(frame.header.requestID) }
            }
        } catch {
            answers.fail(error)
        }
        if seen.count == 2 { answers.succeed(seen) }
    }

    func channelInactive(context: ChannelHandlerContext) { answers.fail(ChannelError.eof) }
}
