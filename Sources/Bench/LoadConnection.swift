import MartletWire
import NIOCore

/// One connection of a stage: hands what comes to its link, and sends in one flush whatever that wrote.
///
/// No task, promise or allocation per job: the load generator shares the machine with what it measures.
final class LoadConnection<Role: LoadRole>: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let stage: LoadStage
    private let token: String
    private var link: LoadLink<Role>
    private var context: ChannelHandlerContext?
    private let welcomed: EventLoopPromise<ServerLimits>

    init(_ role: Role, stage: LoadStage, token: String, on loop: any EventLoop) {
        link = LoadLink(role)
        self.stage = stage
        self.token = token
        welcomed = loop.makePromise()
    }

    /// Succeeds when the server has answered the greeting.
    var whenWelcomed: EventLoopFuture<ServerLimits> { welcomed.futureResult }

    // MARK: Verbs of the stage

    func begin(at now: UInt64) {
        guard let context else { return }
        link.begin(at: now, &stage.progress)
        flush(context)
    }

    /// Ends session and connection.
    func leave() {
        guard let context else { return }
        link.leave()
        flush(context)
    }

    // MARK: Events of the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        link.greet(token: token)
        flush(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let now = LoadClock.now()
        do {
            switch try link.receive(unwrapInboundIn(data), at: now, &stage.progress) {
            case .welcomed(let limits): welcomed.succeed(limits)
            case .close: context.close(promise: nil)
            case nil: break
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
        if link.phase != .leaving { stage.fail(BenchError.connectionClosed) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error, context) }

    private func flush(_ context: ChannelHandlerContext) {
        guard link.out.readableBytes > 0 else { return }
        context.writeAndFlush(wrapOutboundOut(link.out), promise: nil)
        link.out.clear()
    }

    private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        welcomed.fail(error)
        stage.fail(error)
        context.close(promise: nil)
    }
}
