import MartletClient
import MartletWire
import NIOCore
import NIOPosix
import Testing

/// Watches everything over a connection of its own, and stops reading until it is told to.
final class SilentWatcher: Sendable {
    private let channel: any Channel
    private let pushes: AsyncStream<Events>

    private init(_ channel: any Channel, _ pushes: AsyncStream<Events>) {
        self.channel = channel
        self.pushes = pushes
    }

    /// - Returns: once the broker has begun to tell it, and nothing is read any more.
    static func connect(to broker: BrokerHarness) async throws -> SilentWatcher {
        let (pushes, continuation) = AsyncStream<Events>.makeStream()
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
        hello.write(Hello(client: "test/1"), requestID: 1)
        hello.write(Watch(watch: 1), requestID: 2)
        try await channel.writeAndFlush(hello)
        try await watches.futureResult.get()
        try await channel.setOption(ChannelOptions.autoRead, value: false).get()
        return SilentWatcher(channel, pushes)
    }

    /// Reads until so many events were told or said to be missed.
    func readAll(until count: UInt64) async throws -> (told: UInt64, missed: UInt64) {
        try await channel.setOption(ChannelOptions.autoRead, value: true).get()
        var (told, missed): (UInt64, UInt64) = (0, 0)
        for await push in pushes {
            told += UInt64(push.events.count)
            missed += push.missed
            if told + missed >= count { break }
        }
        try await channel.close()
        return (told, missed)
    }
}

private final class EventsHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var splitter = FrameSplitter(
        expectsPreface: false, frameBytesMax: Limits.frameBytesMax)
    private let watches: EventLoopPromise<Void>
    private let pushes: AsyncStream<Events>.Continuation

    init(_ watches: EventLoopPromise<Void>, _ pushes: AsyncStream<Events>.Continuation) {
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
        case .done: watches.succeed()
        case .events: pushes.yield(try Events(body: frame.body))
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        watches.fail(WireError(.internal, "the connection ended"))
        pushes.finish()
    }
}
