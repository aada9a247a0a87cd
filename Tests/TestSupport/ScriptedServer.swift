package import MartletClient
package import MartletWire
package import NIOCore
import NIOPosix

/// A server on a free port that says what a test tells it to.
///
/// The test takes each connection and each message by itself, so that it decides what is answered,
/// when, twice or not at all.
package final class ScriptedServer: Sendable {
    package let endpoint: MartletEndpoint
    private let channel: any Channel
    private let connections: AsyncStream<ServerConnection>

    private init(channel: any Channel, connections: AsyncStream<ServerConnection>) {
        self.channel = channel
        self.connections = connections
        endpoint = .martlet(host: "127.0.0.1", port: channel.localAddress?.port ?? 0)
    }

    package static func start(port: Int = 0) async throws -> ScriptedServer {
        let (stream, continuation) = AsyncStream.makeStream(of: ServerConnection.self)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let messages = FrameQueue()
                    try channel.pipeline.syncOperations.addHandler(FrameCollector(messages))
                    continuation.yield(ServerConnection(channel: channel, messages: messages))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        return ScriptedServer(channel: channel, connections: stream)
    }

    /// The next connection that a client makes.
    package func accept() async throws -> ServerConnection {
        for await connection in connections { return connection }
        throw ScriptError.ended
    }

    /// The next connection, its `HELLO` answered.
    package func acceptAndWelcome(
        _ limits: ServerLimits = ServerLimits(), resumed: Bool = false
    ) async throws -> ServerConnection {
        let connection = try await accept()
        let (_, id) = try await connection.receive(Hello.self)
        connection.welcome(id: id, limits, resumed: resumed)
        return connection
    }

    /// Listens no more; connections that stand go on.
    package func stop() async throws {
        try await channel.close()
    }
}

/// The server's end of one connection.
package struct ServerConnection: Sendable {
    private let channel: any Channel
    private let messages: FrameQueue

    fileprivate init(channel: any Channel, messages: FrameQueue) {
        self.channel = channel
        self.messages = messages
    }

    /// The next message.
    package func receive() async throws -> Frame {
        try await messages.next { _ in true }
    }

    /// The next message, which must be of this type, and its request id.
    package func receive<M: Message>(_ type: M.Type) async throws -> (M, id: UInt64) {
        let frame = try await receive()
        guard frame.header.opcode == M.opcode.rawValue else {
            throw ScriptError.unexpected(opcode: frame.header.opcode)
        }
        return (try M(body: frame.body), frame.header.requestID)
    }

    /// The first message of this type, and its request id; what came before it is kept for later.
    package func find<M: Message>(_ type: M.Type) async throws -> (M, id: UInt64) {
        let frame = try await messages.next { $0.header.opcode == M.opcode.rawValue }
        return (try M(body: frame.body), frame.header.requestID)
    }

    package func welcome(
        id: UInt64, _ limits: ServerLimits = ServerLimits(), resumed: Bool = false
    ) {
        send(
            Welcome(
                session: 7, secret: 8, isResumed: resumed, serverTime: 1_000, limits: limits,
                server: "scripted"),
            id: id)
    }

    package func send(_ message: some Message, id: UInt64) {
        var buffer = ByteBuffer()
        buffer.write(message, requestID: id)
        send(bytes: buffer)
    }

    package func send(bytes: ByteBuffer) {
        channel.writeAndFlush(bytes, promise: nil)
    }

    /// Returns when the client has closed.
    package func waitUntilClosed() async throws {
        try await channel.closeFuture.get()
    }

    package func close() async throws {
        try await channel.close()
    }
}

package enum ScriptError: Error {
    case ended
    case unexpected(opcode: UInt8)
}
