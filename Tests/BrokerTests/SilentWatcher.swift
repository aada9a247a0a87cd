import MartletClient
import MartletWire
import NIOCore
import NIOPosix
import Testing

/// Watches over a connection of its own, and stops reading until it is told to.
final class SilentWatcher: Sendable {
    /// What was told, and on which channel of a link.
    struct Push: Sendable {
        let channel: UInt16
        let events: Events
    }

    private let channel: any Channel
    private let pushes: AsyncStream<Push>

    private init(_ channel: any Channel, _ pushes: AsyncStream<Push>) {
        self.channel = channel
        self.pushes = pushes
    }

    /// Watches everything, or as a gateway whose clients have channels 1, 2 … and watch a queue each.
    /// - Returns: once the broker has begun to tell it, and nothing is read any more.
    static func connect(
        to broker: BrokerHarness, clientsWatching queues: [String] = []
    ) async throws -> SilentWatcher {
        let (pushes, continuation) = AsyncStream<Push>.makeStream()
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let watches = loop.makePromise(of: Void.self)
        let channel = try await ClientBootstrap(group: loop)
            .channelOption(.socketOption(.so_rcvbuf), value: 64 << 10)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        EventsHandler(watches, continuation))
                }
            }
            .connect(host: broker.endpoint.host, port: broker.endpoint.port).get()
        var hello = ByteBuffer(bytes: Preface.bytes)
        hello.write(Hello(client: "test/1", isLink: !queues.isEmpty), requestID: 1)
        for (client, queue) in zip(1...UInt16.max, queues) {
            hello.write(Hello(client: "test/1"), requestID: 1, channel: client)
            hello.write(Watch(watch: 1, queue: queue), requestID: 2, channel: client)
        }
        // Requests are carried out in order: its answer comes when all watch.
        hello.write(Watch(watch: 1, queue: queues.isEmpty ? "" : "none"), requestID: 2)
        try await channel.writeAndFlush(hello)
        try await watches.futureResult.get()
        try await channel.setOption(ChannelOptions.autoRead, value: false).get()
        return SilentWatcher(channel, pushes)
    }

    /// Reads until so many events were told or said to be missed.
    func readAll(until count: UInt64) async throws -> (told: UInt64, missed: UInt64) {
        var (told, missed): (UInt64, UInt64) = (0, 0)
        try await read { push in
            told += UInt64(push.events.events.count)
            missed += push.events.missed
            return told + missed < count
        }
        return (told, missed)
    }

    /// Reads until `body` says that it has seen enough.
    func read(_ body: (Push) -> Bool) async throws {
        try await channel.setOption(ChannelOptions.autoRead, value: true).get()
        for await push in pushes where !body(push) { break }
        try await channel.close()
    }
}

private final class EventsHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var splitter = FrameSplitter(
        expectsPreface: false, frameBytesMax: Limits.frameBytesMax)
    private let watches: EventLoopPromise<Void>
    private let pushes: AsyncStream<SilentWatcher.Push>.Continuation

    init(
        _ watches: EventLoopPromise<Void>, _ pushes: AsyncStream<SilentWatcher.Push>.Continuation
    ) {
        self.watches = watches
        self.pushes = pushes
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        splitter.append(unwrapInboundIn(data))
        do {
            while var run = try splitter.nextRun() {
                while let frame = run.readFrame() { try receive(frame) }
            }
        } catch {
            watches.fail(error)
            context.close(promise: nil)
        }
    }

    private func receive(_ frame: Frame) throws {
        switch Opcode(rawValue: frame.header.opcode) {
        case .done where frame.header.channel == 0: watches.succeed()
        case .events:
            pushes.yield(.init(channel: frame.header.channel, events: try Events(body: frame.body)))
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        watches.fail(WireError(.internal, "the connection ended"))
        pushes.finish()
    }
}
