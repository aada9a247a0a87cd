import MartletWire
import NIOCore

/// One connection of a stage: greets, then hands frames to its role and sends in one flush whatever that wrote.
///
/// No task, promise or allocation per job: the load generator shares the machine with what it measures.
final class LoadConnection<Role: LoadRole>: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let stage: LoadStage
    private let token: String
    private var role: Role
    private var splitter = FrameSplitter(expectsPreface: false)
    private var assembler = MessageAssembler()
    private var out = ByteBuffer()
    private var context: ChannelHandlerContext?
    private var phase = Phase.greeting
    private let welcomed: EventLoopPromise<ServerLimits>

    private enum Phase { case greeting, ready, leaving }

    /// Greater than any of a role's.
    private static var byeID: UInt64 { 1 << 33 }

    init(_ role: Role, stage: LoadStage, token: String, on loop: any EventLoop) {
        self.role = role
        self.stage = stage
        self.token = token
        welcomed = loop.makePromise()
    }

    /// Succeeds when the server has answered the greeting.
    var whenWelcomed: EventLoopFuture<ServerLimits> { welcomed.futureResult }

    // MARK: Verbs of the stage

    func begin(at now: UInt64) {
        guard let context else { return }
        role.begin(at: now, to: &out)
        flush(context)
    }

    /// Ends session and connection.
    func leave() {
        guard let context, phase == .ready else { return }
        phase = .leaving
        out.write(Bye(), requestID: Self.byeID)
        flush(context)
    }

    // MARK: Events of the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        out.writeBytes(Preface.bytes)
        out.write(Hello(client: "martlet-bench", token: token), requestID: 1)
        flush(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let now = LoadClock.now()
        splitter.append(unwrapInboundIn(data))
        do {
            while var run = try splitter.nextRun() {
                while let frame = run.readFrame() { try accept(frame, at: now) }
            }
        } catch {
            fail(error, context)
        }
        stage.check(at: now)
    }

    func channelReadComplete(context: ChannelHandlerContext) { flush(context) }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        welcomed.fail(BenchError.connectionClosed)
        if phase != .leaving { stage.fail(BenchError.connectionClosed) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error, context) }

    // MARK: Frames

    private func accept(_ frame: Frame, at now: UInt64) throws {
        switch try assembler.accept(frame) {
        case .incomplete: break
        case .refused(let error, _): throw BenchError.misbehaved(error.message)
        case .message(let message): try receive(message, at: now)
        }
    }

    private func receive(_ message: Frame, at now: UInt64) throws {
        if message.header.opcode == Opcode.error.rawValue {
            let error = try ErrorMessage(body: message.body)
            throw BenchError.refused(error.code, message: error.message)
        }
        switch phase {
        case .greeting: try welcome(message)
        case .leaving where message.header.requestID == Self.byeID: context?.close(promise: nil)
        case .ready, .leaving: try role.receive(message, at: now, to: &out)
        }
    }

    private func welcome(_ message: Frame) throws {
        guard message.header.opcode == Opcode.welcome.rawValue else {
            throw BenchError.unexpected(message)
        }
        let limits = try Welcome(body: message.body).limits
        splitter.frameBytesMax = Int(limits.frameBytesMax)
        assembler.messageBytesMax = Int(limits.messageBytesMax)
        phase = .ready
        welcomed.succeed(limits)
    }

    private func flush(_ context: ChannelHandlerContext) {
        guard out.readableBytes > 0 else { return }
        context.writeAndFlush(wrapOutboundOut(out), promise: nil)
        out.clear()
    }

    private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        welcomed.fail(error)
        stage.fail(error)
        context.close(promise: nil)
    }
}
