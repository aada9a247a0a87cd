import MartletWire
import NIOCore
import NIOPosix
import Synchronization

/// A broker's end of links that answers as a test tells it to.
///
/// `HELLO` is answered with `WELCOME`, `PING` with `PONG` and `BYE` with `DONE`, on whatever
/// channel; for everything else the test's `answer` writes the frames. All frames that came but
/// `PING`s are in `frames`.
final class FakeBroker: Sendable {
    typealias Answer = @Sendable (Frame, inout ByteBuffer) -> Void

    let frames: Mailbox<Frame>
    private let listener: any Channel
    private let links: Links

    private init(listener: any Channel, frames: Mailbox<Frame>, links: Links) {
        self.listener = listener
        self.frames = frames
        self.links = links
    }

    /// - Parameter port: 0: any.
    static func start(
        port: Int = 0, limits: ServerLimits = ServerLimits(), answer: @escaping Answer = { _, _ in }
    ) async throws -> FakeBroker {
        let frames = Mailbox<Frame>()
        let links = Links()
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    links.append(channel)
                    try channel.pipeline.syncOperations.addHandler(
                        BrokerHandler(frames: frames, limits: limits, answer: answer))
                }
            }
            .bind(host: "127.0.0.1", port: port)
            .get()
        return FakeBroker(listener: listener, frames: frames, links: links)
    }

    var port: Int { listener.localAddress?.port ?? 0 }

    /// Sends bytes on all links.
    func send(_ write: (inout ByteBuffer) -> Void) {
        var buffer = ByteBuffer()
        write(&buffer)
        for link in links.all { link.writeAndFlush(buffer, promise: nil) }
    }

    /// Whether what the gateway sends is taken.
    func setReading(_ reads: Bool) {
        for link in links.all {
            link.setOption(.autoRead, value: reads).whenSuccess { if reads { link.read() } }
        }
    }

    /// Breaks all links; the gateway may come back.
    func breakLinks() async throws {
        for link in links.removeAll() { try await link.close() }
    }

    func stop() async throws {
        try await listener.close()
        for link in links.removeAll() { try? await link.close() }
    }

    private final class Links: Sendable {
        private let channels = Mutex<[any Channel]>([])

        var all: [any Channel] { channels.withLock { $0 } }

        func append(_ channel: any Channel) { channels.withLock { $0.append(channel) } }

        func removeAll() -> [any Channel] {
            channels.withLock { channels in
                defer { channels = [] }
                return channels
            }
        }
    }
}

private final class BrokerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let frames: Mailbox<Frame>
    private let limits: ServerLimits
    private let answer: FakeBroker.Answer
    private var splitter = FrameSplitter(expectsPreface: true, frameBytesMax: Limits.frameBytesMax)
    private var session: UInt64 = 0

    init(frames: Mailbox<Frame>, limits: ServerLimits, answer: @escaping FakeBroker.Answer) {
        self.frames = frames
        self.limits = limits
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        splitter.append(unwrapInboundIn(data))
        var output = ByteBuffer()
        do {
            while var run = try splitter.nextRun() {
                while let frame = run.readFrame() { reply(to: frame, in: &output) }
            }
        } catch {
            context.close(promise: nil)
        }
        if output.readableBytes > 0 { context.writeAndFlush(wrapOutboundOut(output), promise: nil) }
    }

    private func reply(to frame: Frame, in output: inout ByteBuffer) {
        let header = frame.header
        switch Opcode(rawValue: header.opcode) {
        case .ping:
            output.write(
                Pong(bytes: Array(frame.body.readableBytesView)), requestID: header.requestID,
                channel: header.channel)
            return
        case .hello:
            session += 1
            output.write(
                Welcome(
                    session: session, secret: 7, isResumed: false, serverTime: 1, limits: limits,
                    server: "fake"),
                requestID: header.requestID, channel: header.channel)
        case .bye:
            output.write(Done(), requestID: header.requestID, channel: header.channel)
        default:
            answer(frame, &output)
        }
        frames.put(frame)
    }
}
