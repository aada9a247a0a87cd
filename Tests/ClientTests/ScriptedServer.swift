import MartletWire
import NIOCore
import NIOPosix

@testable import MartletClient

/// A server on a free port that says what a test tells it to.
///
/// The test takes each connection and each message by itself, so that it decides what is answered,
/// when, twice or not at all.
final class ScriptedServer: Sendable {
    let endpoint: MartletEndpoint
    private let channel: any Channel
    private let connections: AsyncStream<ServerConnection>

    private init(channel: any Channel, port: Int, connections: AsyncStream<ServerConnection>) {
        self.channel = channel
        self.connections = connections
        endpoint = .martlet(host: "127.0.0.1", port: port)
    }

    static func start(port: Int = 0) async throws -> ScriptedServer {
        let (stream, continuation) = AsyncStream.makeStream(of: ServerConnection.self)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let (messages, sink) = AsyncStream.makeStream(of: Frame.self)
                    try channel.pipeline.syncOperations.addHandler(FrameCollector(sink: sink))
                    continuation.yield(ServerConnection(channel: channel, messages: messages))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        let bound = channel.localAddress?.port ?? 0
        return ScriptedServer(channel: channel, port: bound, connections: stream)
    }

    /// The next connection that a client makes.
    func accept() async throws -> ServerConnection {
        for await connection in connections { return connection }
        throw ScriptError.ended
    }

    /// The next connection, its `HELLO` answered.
    func acceptAndWelcome(_ limits: ServerLimits = ServerLimits()) async throws -> ServerConnection
    {
        let connection = try await accept()
        let (_, id) = try await connection.receive(Hello.self)
        connection.welcome(id: id, limits)
        return connection
    }

    /// Listens no more; connections that stand go on.
    func stop() async throws {
        try await channel.close()
    }
}

/// The server's end of one connection.
struct ServerConnection: Sendable {
    private let channel: any Channel
    private let messages: AsyncStream<Frame>

    fileprivate init(channel: any Channel, messages: AsyncStream<Frame>) {
        self.channel = channel
        self.messages = messages
    }

    func receive() async throws -> Frame {
        for await message in messages { return message }
        throw ScriptError.ended
    }

    /// The next message, which must be of this type, and its request id.
    func receive<M: Message>(_ type: M.Type) async throws -> (M, id: UInt64) {
        let frame = try await receive()
        guard frame.header.opcode == M.opcode.rawValue else {
            throw ScriptError.unexpected(opcode: frame.header.opcode)
        }
        return (try M(body: frame.body), frame.header.requestID)
    }

    func welcome(id: UInt64, _ limits: ServerLimits = ServerLimits()) {
        send(
            Welcome(
                session: 7, secret: 8, isResumed: false, serverTime: 1_000, limits: limits,
                server: "scripted"),
            id: id)
    }

    func send(_ message: some Message, id: UInt64) {
        var buffer = ByteBuffer()
        buffer.write(message, requestID: id)
        send(bytes: buffer)
    }

    func send(bytes: ByteBuffer) {
        channel.writeAndFlush(bytes, promise: nil)
    }

    /// Accepts all items of a submission.
    func accept(_ submit: Submit, id: UInt64, firstJob: UInt64, isRepeated: Bool = false) {
        let run = Submitted.Run.accepted(
            first: JobID(rawValue: firstJob), count: UInt16(submit.items.count))
        send(Submitted(durability: .disk, isRepeated: isRepeated, runs: [run]), id: id)
    }

    /// Returns when the client has closed.
    func waitUntilClosed() async throws {
        try await channel.closeFuture.get()
    }

    func close() async throws {
        try await channel.close()
    }
}

enum ScriptError: Error {
    case ended
    case unexpected(opcode: UInt8)
}

/// Joins frames to messages and hands them to the test.
private final class FrameCollector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var splitter = FrameSplitter(
        expectsPreface: true, frameBytesMax: Limits.frameBytesMax)
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
