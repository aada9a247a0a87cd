import MartletClient
import MartletWire
import NIOCore
import NIOPosix

/// A server on a free port that says to workers what a test tells it to.
final class WorkerServer: Sendable {
    let endpoint: MartletEndpoint
    private let channel: any Channel
    private let connections: AsyncStream<WorkerPeer>

    private init(channel: any Channel, connections: AsyncStream<WorkerPeer>) {
        self.channel = channel
        self.connections = connections
        endpoint = .martlet(host: "127.0.0.1", port: channel.localAddress?.port ?? 0)
    }

    static func start(port: Int = 0) async throws -> WorkerServer {
        let (stream, continuation) = AsyncStream.makeStream(of: WorkerPeer.self)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let (messages, sink) = AsyncStream.makeStream(of: Frame.self)
                    try channel.pipeline.syncOperations.addHandler(FrameCollector(sink: sink))
                    continuation.yield(WorkerPeer(channel: channel, messages: messages))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        return WorkerServer(channel: channel, connections: stream)
    }

    /// The next connection that a worker makes, its `HELLO` answered.
    func accept(
        resumed: Bool = false, payloadBytesMax: UInt32 = UInt32(Limits.payloadBytesMax)
    ) async throws -> (peer: WorkerPeer, hello: Hello) {
        for await peer in connections {
            let (hello, id) = try await peer.receive(Hello.self)
            var limits = ServerLimits()
            limits.payloadBytesMax = payloadBytesMax
            peer.send(
                Welcome(
                    session: 7, secret: 8, isResumed: resumed, serverTime: 1_000, limits: limits,
                    server: "test"),
                id: id)
            return (peer, hello)
        }
        throw WorkerServerError.ended
    }

    /// The next connection, with its first subscription answered.
    func acceptSubscriber(
        resumed: Bool = false, payloadBytesMax: UInt32 = UInt32(Limits.payloadBytesMax)
    ) async throws -> WorkerPeer {
        let (peer, _) = try await accept(resumed: resumed, payloadBytesMax: payloadBytesMax)
        let (_, id) = try await peer.receive(Subscribe.self)
        peer.send(Done(), id: id)
        return peer
    }

    func stop() async throws {
        try await channel.close()
    }
}

/// The server's end of one connection.
struct WorkerPeer: Sendable {
    private let channel: any Channel
    private let messages: AsyncStream<Frame>

    fileprivate init(channel: any Channel, messages: AsyncStream<Frame>) {
        self.channel = channel
        self.messages = messages
    }

    /// The next message of this type; others before it are dropped.
    func receive<M: Message>(_ type: M.Type) async throws -> (M, id: UInt64) {
        for await frame in messages where frame.header.opcode == M.opcode.rawValue {
            return (try M(body: frame.body), frame.header.requestID)
        }
        throw WorkerServerError.ended
    }

    /// The next settlement, accepted; with an error, refused.
    func settle(_ error: WireError? = nil) async throws -> [Settlement] {
        let (settle, id) = try await receive(Settle.self)
        send(Settled(runs: [.init(count: UInt16(settle.items.count), error: error)]), id: id)
        return settle.items
    }

    func deliver(
        _ ids: some Sequence<Int>, type: String = "echo", payload: Payload = .plain("payload")
    ) {
        let deliveries = ids.map { id in
            Delivery(
                fields: DeliveryFields(
                    id: JobID(rawValue: UInt64(id)), failures: 1, crashes: 2, interruptions: 3,
                    maxAttempts: 20, createdAt: 0),
                payload: payload)
        }
        send(
            Jobs(
                subscription: 0, token: TestWorker.token, leaseMilliseconds: 30_000, types: [type],
                deliveries: deliveries),
            id: 1)
    }

    func send(_ message: some Message, id: UInt64) {
        var buffer = ByteBuffer()
        buffer.write(message, requestID: id)
        channel.writeAndFlush(buffer, promise: nil)
    }

    func close() async throws {
        try await channel.close()
    }
}

enum WorkerServerError: Error {
    case ended
}

extension Payload {
    static func plain(_ text: String) -> Payload { .plain(ByteBuffer(string: text)) }
}

/// Joins frames to messages and hands them to the test.
private final class FrameCollector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var splitter = FrameSplitter(expectsPreface: true, frameBytesMax: Limits.frameBytesMax)
    private var assembler = MessageAssembler()
    private let sink: AsyncStream<Frame>.Continuation

    init(sink: AsyncStream<Frame>.Continuation) {
        self.sink = sink
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        splitter.append(unwrapInboundIn(data))
        do {
            while var run = try splitter.nextRun() {
                while let frame = run.readFrame() {
                    if case .message(let message) = try assembler.accept(frame) {
                        sink.yield(message)
                    }
                }
            }
        } catch {
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        sink.finish()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
