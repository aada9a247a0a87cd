import MartletWire
import NIOCore
import NIOPosix

/// Opens the connections of a run, again when they break. Belongs to the event loop.
final class LoadDialer {
    let loop: any EventLoop
    private var host: String
    private var port: Int
    private let readBytes: Int

    /// How soon a server that does not answer yet is tried again.
    private static let pause = TimeAmount.milliseconds(20)

    init(host: String, port: Int, readBytes: Int, loop: any EventLoop) {
        self.host = host
        self.port = port
        self.readBytes = readBytes
        self.loop = loop
    }

    /// The server is somewhere else now.
    func move(host: String, port: Int) { (self.host, self.port) = (host, port) }

    /// - Throws: `BenchError.unreachable`.
    nonisolated(nonsending) func dial(_ handler: some LoadPeer) async throws {
        do {
            let channel = try await open().get()
            try channel.pipeline.syncOperations.addHandler(handler)
        } catch {
            throw BenchError.unreachable(host: host, port: port, reason: reason(of: error))
        }
    }

    /// Tries until the server answers or the stage is over.
    func dialAgain(_ handler: some LoadPeer, for stage: LoadStage) {
        open().assumeIsolated().whenComplete { result in
            guard !stage.isOver else {
                if case .success(let channel) = result { channel.close(promise: nil) }
                return
            }
            switch result {
            case .success(let channel):
                do { try channel.pipeline.syncOperations.addHandler(handler) } catch {
                    stage.fail(error)
                }
            case .failure:
                self.loop.assumeIsolated().scheduleTask(in: LoadDialer.pause) {
                    self.dialAgain(handler, for: stage)
                }
            }
        }
    }

    private func open() -> EventLoopFuture<any Channel> {
        ClientBootstrap(group: loop)
            .connectTimeout(.seconds(2))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(
                .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: readBytes)
            )
            .connect(host: host, port: port)
    }

    private func reason(of error: any Error) -> String {
        guard let failure = error as? NIOConnectionError else { return "\(error)" }
        let errors = failure.connectionErrors.map(\.error)
        if let system = errors.compactMap({ $0 as? IOError }).first {
            return system.errnoCode == ECONNREFUSED ? "connection refused" : system.description
        }
        return failure.dnsAError == nil ? "no answer within 2 seconds" : "unknown host"
    }
}
