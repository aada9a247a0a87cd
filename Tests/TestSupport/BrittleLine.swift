package import MartletClient
import NIOCore
import NIOPosix
import Synchronization

/// A line to a server that can be cut, and that can lose what the server says before it is.
package final class BrittleLine: Sendable {
    /// Where clients connect to.
    package let endpoint: MartletEndpoint
    private let channel: any Channel
    private let state: State

    private init(channel: any Channel, state: State) {
        self.channel = channel
        self.state = state
        endpoint = .martlet(host: "127.0.0.1", port: channel.localAddress?.port ?? 0)
    }

    package static func start(to server: MartletEndpoint) async throws -> BrittleLine {
        let state = State()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { near in
                ClientBootstrap(group: near.eventLoop)
                    .channelInitializer { far in
                        far.eventLoop.makeCompletedFuture {
                            let (here, there) = (far.pipeline, near.pipeline)
                            try here.syncOperations.addHandler(Relay(to: near, state))
                            try there.syncOperations.addHandler(Relay(to: far, nil))
                        }
                    }
                    .connect(host: server.host, port: server.port)
                    .map { _ in state.opened(near) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return BrittleLine(channel: channel, state: state)
    }

    /// From now on nothing that the server says arrives on the connections there are.
    package func loseAnswers() { state.loseAnswers() }

    /// Breaks all connections; the next ones are whole.
    package func cut() async throws {
        for connection in state.cut() {
            connection.close(promise: nil)
            try await connection.closeFuture.get()
        }
    }

    package func stop() async throws {
        try await cut()
        try await channel.close()
    }
}

extension BrittleLine {
    fileprivate final class State: Sendable {
        private let connections = Mutex<[any Channel]>([])
        private let isDeaf = Atomic(false)

        var losesAnswers: Bool { isDeaf.load(ordering: .acquiring) }

        func opened(_ channel: any Channel) { connections.withLock { $0.append(channel) } }

        func loseAnswers() { isDeaf.store(true, ordering: .releasing) }

        func cut() -> [any Channel] {
            defer { isDeaf.store(false, ordering: .releasing) }
            return connections.withLock { connections in
                defer { connections = [] }
                return connections
            }
        }
    }
}

/// Passes bytes on to the other end, and its end too.
private final class Relay: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let other: any Channel
    private let state: BrittleLine.State?

    init(to other: any Channel, _ state: BrittleLine.State?) {
        self.other = other
        self.state = state
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if state?.losesAnswers == true { return }
        other.writeAndFlush(unwrapInboundIn(data), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        other.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
