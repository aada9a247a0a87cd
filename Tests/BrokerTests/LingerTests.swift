import Broker
import Logging
import MartletWire
import NIOCore
import NIOEmbedded
import Testing

/// Settlements that nobody waits for, on a loop whose time the test moves.
final class LingerTests {
    private let loop = EmbeddedEventLoop()
    private let directory = TemporaryDirectory.make()
    private let broker: LoopBroker
    private let producer: EmbeddedChannel
    private let worker: EmbeddedChannel

    private static let aMoment = TimeAmount.milliseconds(1)

    init() throws {
        broker = try LoopBroker(.small(directory), on: loop, logger: .critical)
        producer = EmbeddedChannel(handlers: [], loop: loop)
        worker = EmbeddedChannel(handlers: [], loop: loop)
        for channel in [producer, worker] {
            try broker.serve(channel)
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
            try channel.writeInbound(ByteBuffer(bytes: Preface.bytes))
            try send(Hello(client: "test/1"), on: channel)
        }
    }

    deinit { TemporaryDirectory.remove(directory) }

    @Test func `what an idle worker settles waits a moment, and no longer`() throws {
        try subscribe(credit: 10)
        try settle(try deliver(1))
        #expect(try answers(on: worker) == [])
        loop.advanceTime(by: Self.aMoment)
        #expect(try answers(on: worker) == [.settled])
        // The next one waits as long, from when it came.
        let jobs = try deliver(2)
        try settle([jobs[0]])
        loop.advanceTime(by: .microseconds(900))
        try settle([jobs[1]])
        #expect(try answers(on: worker) == [])
        loop.advanceTime(by: .microseconds(100))
        #expect(try answers(on: worker) == [.settled, .settled])
    }

    @Test func `it goes with the next submission`() throws {
        try subscribe(credit: 10)
        try settle(try deliver(1))
        try submit(1)
        #expect(try answers(on: worker) == [.settled, .jobs])
        #expect(try answers(on: producer) == [.submitted])
        // The timer of what is answered goes off in vain, or is that of the next.
        try settle(try deliver(1))
        loop.advanceTime(by: Self.aMoment)
        #expect(try answers(on: worker) == [.settled])
    }

    @Test func `a worker that has no credit left is answered at once`() throws {
        try subscribe(credit: 2)
        let jobs = try deliver(2)
        try settle([jobs[0]])
        #expect(try answers(on: worker) == [.settled])
        try settle([jobs[1]])
        #expect(try answers(on: worker) == [])
    }

    @Test func `where somebody waits for a result, or watches, all are answered at once`() throws {
        try subscribe(credit: 10)
        let jobs = try deliver(2)
        try send(Wait(id: jobs[1].id, milliseconds: 1_000), on: producer)
        try settle([jobs[0]])
        #expect(try answers(on: worker) == [.settled])
        try settle([jobs[1]])
        #expect(try answers(on: worker) == [.settled])
        #expect(try answers(on: producer) == [.job])
        try send(Watch(watch: 1), on: producer)
        _ = try answers(on: producer)
        try settle(try deliver(1))
        #expect(try answers(on: worker) == [.settled])
    }

    @Test func `what is given back is for others at once`() throws {
        try subscribe(credit: 10)
        let jobs = try deliver(2)
        try settle([jobs[0]], .release)
        #expect(try answers(on: worker) == [.settled, .jobs])
        try settle([jobs[1]], .fail(JobFailure("no")))
        #expect(try answers(on: worker) == [.settled])
    }

    @Test func `many settlements are company enough`() throws {
        try subscribe(credit: 100)
        let jobs = try deliver(34)
        for job in jobs[..<16] { try settle([job]) }
        #expect(try answers(on: worker) == [])
        try settle([jobs[16]])
        #expect(try answers(on: worker).count == 17)
        try settle(Array(jobs[17...]))
        #expect(try answers(on: worker) == [.settled])
    }

    // MARK: The connections

    private struct Lease {
        let id: JobID
        let token: UInt64
    }

    private func subscribe(credit: UInt32) throws {
        try send(
            Subscribe(subscription: 1, queue: "q", creditJobs: credit, creditBytes: 1 << 20),
            on: worker)
        _ = try answers(on: worker)
        _ = try answers(on: producer)
    }

    private func submit(_ count: Int) throws {
        let items = (0..<count).map { _ in SubmitItem(payload: .plain(ByteBuffer(string: "p"))) }
        try send(Submit(queue: "q", type: "t", items: items), on: producer)
    }

    private func deliver(_ count: Int) throws -> [Lease] {
        try submit(count)
        _ = try answers(on: producer)
        var leases: [Lease] = []
        for frame in try frames(on: worker) where frame.header.opcode == Opcode.jobs.rawValue {
            let jobs = try Jobs(body: frame.body)
            leases += jobs.deliveries.map { Lease(id: $0.fields.id, token: jobs.token) }
        }
        try #require(leases.count == count)
        return leases
    }

    private func settle(
        _ leases: [Lease], _ verdict: Settlement.Verdict = .complete(nil)
    ) throws {
        try send(
            Settle(items: leases.map { Settlement(id: $0.id, token: $0.token, verdict) }),
            on: worker)
    }

    private func send(_ message: some Message, on channel: EmbeddedChannel) throws {
        var buffer = ByteBuffer()
        buffer.write(message, requestID: 1)
        try channel.writeInbound(buffer)
        loop.run()
    }

    private func answers(on channel: EmbeddedChannel) throws -> [Opcode] {
        try frames(on: channel).map { Opcode(rawValue: $0.header.opcode) ?? .error }
    }

    private func frames(on channel: EmbeddedChannel) throws -> [Frame] {
        var frames: [Frame] = []
        while var bytes = try channel.readOutbound(as: ByteBuffer.self) {
            while let frame = bytes.readFrame() { frames.append(frame) }
        }
        return frames
    }
}
