import MartletWire
import NIOCore
import NIOPosix

/// A connection for one request at a time: for what a run arranges and looks at, not for its load.
final class Caller {
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private var splitter = FrameSplitter(expectsPreface: false)
    private var assembler = MessageAssembler()
    /// Whole frames that came and were not looked at yet.
    private var frames = ByteBuffer()
    private var lastRequest: UInt64 = 0

    /// Lends a connection that is welcome to `body`.
    ///
    /// - Throws: `BenchError`, and whatever `body` throws.
    static func with<Result: Sendable>(
        _ server: BenchServer, _ body: (Caller) async throws -> Result
    ) async throws -> Result {
        let channel = try await ClientBootstrap(group: server.group)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connect(host: server.host, port: server.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            let caller = Caller(inbound, outbound)
            try await caller.greet(server.token)
            let result = try await body(caller)
            _ = try await caller.call(Bye(), Done.self)
            return result
        }
    }

    private init(
        _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>,
        _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) {
        self.inbound = inbound.makeAsyncIterator()
        self.outbound = outbound
    }

    private func greet(_ token: String) async throws {
        try await outbound.write(ByteBuffer(bytes: Preface.bytes))
        let welcome = try await call(Hello(client: "martlet-bench", token: token), Welcome.self)
        splitter.frameBytesMax = Int(welcome.limits.frameBytesMax)
        assembler.messageBytesMax = Int(welcome.limits.messageBytesMax)
    }

    /// Sends a request and waits for its answer.
    func call<Answer: Message>(
        _ request: some Message, _: Answer.Type
    ) async throws -> Answer {
        lastRequest += 1
        var out = ByteBuffer()
        out.write(request, requestID: lastRequest)
        try await outbound.write(out)
        var frame = try await nextMessage()
        // Pushes have ids of their own.
        while frame.header.requestID != lastRequest { frame = try await nextMessage() }
        if frame.header.opcode == Opcode.error.rawValue {
            let error = try ErrorMessage(body: frame.body)
            throw BenchError.refused(error.code, message: error.message)
        }
        guard frame.header.opcode == Answer.opcode.rawValue else {
            throw BenchError.unexpected(frame)
        }
        return try Answer(body: frame.body)
    }

    private func nextMessage() async throws -> Frame {
        while let frame = try await nextFrame() {
            switch try assembler.accept(frame) {
            case .message(let whole): return whole
            case .incomplete: continue
            case .refused(let error, _): throw BenchError.misbehaved(error.message)
            }
        }
        throw BenchError.connectionClosed
    }

    /// Nil when the server has closed the connection.
    private func nextFrame() async throws -> Frame? {
        while true {
            if let frame = frames.readFrame() { return frame }
            if let run = try splitter.nextRun() {
                frames = run
            } else if let bytes = try await inbound.next(isolation: #isolation) {
                splitter.append(bytes)
            } else {
                return nil
            }
        }
    }
}

/// Where a run's requests go, and on which threads.
struct BenchServer: Sendable {
    let host: String
    let port: Int
    let token: String
    let group: any EventLoopGroup
}
