import MartletWire
import NIOCore

/// One connection of a stage: hands what comes to its link, and sends in one flush whatever that wrote.
///
/// No task, promise or allocation per job: the load generator shares the machine with what it measures.
final class LoadConnection<Role: LoadRole>: ChannelInboundHandler, LoadPeer {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let stage: LoadStage
    private let dialer: LoadDialer
    private let token: String
    private var link: LoadLink<Role>
    private var context: ChannelHandlerContext?
    /// Of the first connection.
    private var welcomed: EventLoopPromise<ServerLimits>?
    private var closed: EventLoopFuture<Void>?
    /// The instant at which the role is woken; nil when no timer is set.
    private var timer: UInt64?

    init(_ role: Role, stage: LoadStage, dialer: LoadDialer, token: String) {
        link = LoadLink(role)
        self.stage = stage
        self.dialer = dialer
        self.token = token
    }

    /// Succeeds when the server has answered the greeting; fails when it was never dialed.
    var whenWelcomed: EventLoopFuture<ServerLimits> {
        welcomed?.futureResult
            ?? dialer.loop.makeFailedFuture(BenchError.connectionClosed)
    }

    /// However it was closed; at once when it never was open.
    var whenClosed: EventLoopFuture<Void> {
        closed ?? dialer.loop.makeSucceededVoidFuture()
    }

    // MARK: Verbs of the stage

    func begin(at now: UInt64) {
        guard let context, !link.hasBegun else { return }
        link.begin(at: now, &stage.progress)
        flush(context)
        setTimer()
    }

    /// Ends session and connection.
    func leave() {
        guard let context else { return }
        link.leave()
        flush(context)
    }

    func close() { context?.close(promise: nil) }

    // MARK: Events of the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        closed = context.channel.closeFuture
        if welcomed == nil { welcomed = context.eventLoop.makePromise() }
        link.greet(token: token)
        flush(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let now = LoadClock.now()
        do {
            switch try link.receive(unwrapInboundIn(data), at: now, &stage.progress) {
            case .welcomed(let limits): welcomed?.succeed(limits)
            case .close: context.close(promise: nil)
            case nil: break
            }
        } catch {
            fail(error, context)
        }
        stage.check(at: now)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        flush(context)
        setTimer()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        if link.phase == .leaving || stage.isOver { return }
        if isReplaceable {
            link.disconnect()
            dialer.dialAgain(self, for: stage)
        } else {
            welcomed?.fail(BenchError.connectionClosed)
            stage.fail(BenchError.connectionClosed)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard isReplaceable else { return fail(error, context) }
        context.close(promise: nil)
    }

    // MARK: Parts

    /// Another connection may take its place when it breaks.
    private var isReplaceable: Bool { stage.survivesKill && link.hasBegun }

    /// Wakes the role at the instant that it asks for.
    private func setTimer() {
        guard let instant = link.wakeAt, timer == nil, !stage.isOver else { return }
        timer = instant
        let deadline = NIODeadline.uptimeNanoseconds(instant)
        dialer.loop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            self?.wake()
        }
    }

    private func wake() {
        timer = nil
        guard let context else { return }
        let now = LoadClock.now()
        link.wake(at: now, &stage.progress)
        flush(context)
        stage.check(at: now)
        setTimer()
    }

    private func flush(_ context: ChannelHandlerContext) {
        guard link.out.readableBytes > 0 else { return }
        context.writeAndFlush(wrapOutboundOut(link.out), promise: nil)
        link.out.clear()
    }

    private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        welcomed?.fail(error)
        stage.fail(error)
        context.close(promise: nil)
    }
}

/// A connection of a stage, whatever its role.
protocol LoadPeer: ChannelHandler {
    var whenClosed: EventLoopFuture<Void> { get }

    func begin(at now: UInt64)
    func leave()
    func close()
}
