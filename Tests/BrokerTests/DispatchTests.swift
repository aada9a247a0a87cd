import MartletWire
import NIOCore
import NIOEmbedded
import TestSupport
import Testing

@testable import Broker

/// What one turn delivers, by a broker on this thread.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct DispatchTests {
    private let loop = EmbeddedEventLoop()
    private let directory = TemporaryDirectory.make()

    /// Sends requests at once, and lets the broker take some turns.
    /// - Returns: the ids of the jobs that came, push by push.
    private func deliveries(after requests: [ByteBuffer]) throws -> [[JobID]] {
        let broker = try LoopBroker(.small(directory), on: loop, logger: .critical)
        let channel = EmbeddedChannel(handlers: [], loop: loop)
        try broker.serve(channel)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        var hello = ByteBuffer(bytes: Preface.bytes)
        hello.write(Hello(client: "test/1"), requestID: 1)
        try channel.writeInbound(hello)
        loop.run()
        for request in requests { try channel.writeInbound(request) }
        var assembler = MessageAssembler()
        var pushes: [[JobID]] = []
        for _ in 0..<100 {
            loop.advanceTime(by: .milliseconds(1))
            while var bytes = try channel.readOutbound(as: ByteBuffer.self) {
                while let frame = bytes.readFrame() {
                    guard case .message(let whole) = try assembler.accept(frame),
                        whole.header.opcode == Opcode.jobs.rawValue
                    else { continue }
                    pushes.append(try Jobs(body: whole.body).deliveries.map(\.fields.id))
                }
            }
        }
        return pushes
    }

    private func frame(_ message: some Message, _ number: Int) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.write(message, requestID: UInt64(number + 2))
        return buffer
    }

    private func jobs(in queue: String, count: Int, bytes: Int) -> [Submit] {
        let item = SubmitItem(payload: .plain(.pattern(bytes)))
        return (0..<count).map { _ in Submit(queue: queue, type: "t", items: [item]) }
    }

    private func subscription(_ number: Int, to queue: String) -> Subscribe {
        Subscribe(
            subscription: UInt32(number), queue: queue, creditJobs: 100, creditBytes: 64 << 20,
            leaseMilliseconds: 30_000)
    }

    @Test func `a queue with much to deliver keeps no other one waiting`() throws {
        defer { TemporaryDirectory.remove(directory) }
        let few = (1...5).map { "few-\($0)" }
        let submissions =
            jobs(in: "much", count: 40, bytes: 200_000)
            + few.flatMap { jobs(in: $0, count: 1, bytes: 1) }
        var requests = submissions.enumerated().map { frame($1, $0) }
        // In one turn.
        var subscriptions = ByteBuffer()
        for (number, queue) in (["much"] + few).enumerated() {
            subscriptions.writeImmutableBuffer(
                frame(subscription(number, to: queue), 100 + number))
        }
        requests.append(subscriptions)
        let ids = try deliveries(after: requests).joined().map(\.rawValue)
        #expect(ids.filter { $0 <= 40 } == Array(1...40))
        #expect(ids.count == 45)
        // Two turns: a megabyte is six jobs.
        let last = try #require(ids.lastIndex { $0 > 40 })
        #expect(last <= 2 * 6 + 5, "\(last)")
    }

    @Test func `a push of jobs is a frame, and a long job takes those behind it along`()
        throws
    {
        defer { TemporaryDirectory.remove(directory) }
        let submissions =
            jobs(in: "q", count: 3, bytes: 100_000) + jobs(in: "q", count: 1, bytes: 300_000)
            + jobs(in: "q", count: 3, bytes: 10)
        let requests = submissions.enumerated().map { frame($1, $0) }
        let pushes = try deliveries(after: requests + [frame(subscription(1, to: "q"), 100)])
        #expect(pushes.map { $0.map(\.rawValue) } == [[1, 2], [3, 4, 5, 6, 7]])
    }
}
