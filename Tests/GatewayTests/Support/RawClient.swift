import MartletWire
import NIOCore
import NIOPosix

/// A client that sends what a test tells it to, right or wrong, and hands over what comes back.
final class RawClient: Sendable {
    let frames: Mailbox<Frame>
    private let channel: any Channel

    private init(channel: any Channel, frames: Mailbox<Frame>) {
        self.channel = channel
        self.frames = frames
    }

    /// - Parameter reads: whether what comes is taken at all.
    static func connect(to address: SocketAddress, reads: Bool = true) async throws -> RawClient {
        let frames = Mailbox<Frame>()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: reads)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(RawClientHandler(frames: frames))
                }
            }
            .connect(to: address)
            .get()
        return RawClient(channel: channel, frames: frames)
    }

    /// Connects, and sends preface and `HELLO` (request 1) without waiting for the answer.
    static func greet(
        at address: SocketAddress, token: String = "", reads: Bool = true
    ) async throws -> RawClient {
        let client = try await connect(to: address, reads: reads)
        client.send {
            $0.writeBytes(Preface.bytes)
            $0.write(Hello(client: "test", token: token), requestID: 1)
        }
        return client
    }

    /// Connects and waits for `WELCOME`.
    static func welcomed(at address: SocketAddress, token: String = "") async throws -> RawClient {
        let client = try await greet(at: address, token: token)
        _ = await client.frames.next()
        return client
    }

    func send(_ write: (inout ByteBuffer) -> Void) {
        var buffer = ByteBuffer()
        write(&buffer)
        channel.writeAndFlush(buffer, promise: nil)
    }

    func close() async throws { try await channel.close() }

    /// Waits until the other side has closed.
    func closed() async throws { try await channel.closeFuture.get() }
}

private final class RawClientHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let frames: Mailbox<Frame>
    private var splitter = FrameSplitter(expectsPreface: false, frameBytesMax: Limits.frameBytesMax)

    init(frames: Mailbox<Frame>) {
        self.frames = frames
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        splitter.append(unwrapInboundIn(data))
        do {
            while var run = try splitter.nextRun() {
                while let frame = run.readFrame() { frames.put(frame) }
            }
        } catch {
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        frames.close()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
