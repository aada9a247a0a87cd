import HTTPTypes
import Logging
import MartletClient
import NIOCore
import NIOHTTPTypes

/// Ends HTTP connections whose client makes no progress: in front of everything that keeps what the
/// client sends, or has yet to take.
final class TransferHandler: ChannelDuplexHandler, RemovableChannelHandler,
    NIOScheduledCallbackHandler
{
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limits: GatewayLimits
    private let logger: Logger
    private var patience: TransferPatience
    private var alarm = Alarm()
    private var context: ChannelHandlerContext?
    /// The client has been told; it may read that until the connection is closed.
    private var isRefused = false

    init(limits: GatewayLimits, logger: Logger) {
        self.limits = limits
        self.logger = logger
        patience = TransferPatience(limits: limits)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        alarm.cancel()
    }

    // MARK: In

    func read(context: ChannelHandlerContext) {
        patience.readAsked(now: context.eventLoop.now)
        arm()
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isRefused else { return }
        switch unwrapInboundIn(data) {
        case .head: patience.requestBegan()
        case .body(let bytes):
            patience.bodyCame(bytes.readableBytes, now: context.eventLoop.now)
        case .end: patience.requestEnded()
        }
        context.fireChannelRead(data)
    }

    // MARK: Out

    func write(
        context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?
    ) {
        guard !isRefused else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        var written = promise
        switch unwrapOutboundIn(data) {
        case .head: patience.responseBegan(now: context.eventLoop.now)
        case .body(let bytes):
            patience.bodyWritten(bytes.readableBytes, now: context.eventLoop.now)
            let taken = written ?? context.eventLoop.makePromise()
            let eventLoop = context.eventLoop
            taken.futureResult.assumeIsolated().whenComplete { _ in
                self.patience.bodyTaken(now: eventLoop.now)
            }
            written = taken
        case .end:
            let ended = written ?? context.eventLoop.makePromise()
            ended.futureResult.assumeIsolated().whenComplete { _ in self.patience.responseEnded() }
            written = ended
        }
        arm()
        context.write(data, promise: written)
    }

    // MARK: The end

    func handleScheduledCallback(eventLoop: some EventLoop) {
        alarm.fired()
        guard let context else { return }
        if isRefused {
            // What has come of the body must not pass for all of it.
            context.fireErrorCaught(ChannelError.inputClosed)
            return context.close(promise: nil)
        }
        switch patience.expired(now: eventLoop.now) {
        case .none: arm()
        case .request: refuse(context)
        case .response:
            logger.debug("Closed an HTTP connection whose client takes nothing")
            context.close(promise: nil)
        }
    }

    /// Says why, closes our side, and gives the client a moment to read it.
    private func refuse(_ context: ChannelHandlerContext) {
        logger.debug("Refused an HTTP request whose body does not come")
        isRefused = true
        let problem = Problem.requestTimeout
        let body = ByteBuffer(string: problem.object.text + "\n")
        var head = HTTPResponse(status: problem.status)
        head.headerFields[.contentType] = Problem.contentType
        head.headerFields[.contentLength] = "\(body.readableBytes)"
        head.headerFields[.connection] = "close"
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(body)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.close(mode: .output, promise: nil)
        alarm.set(
            context.eventLoop.now + limits.lingerTimeout, on: context.eventLoop, for: self)
    }

    private func arm() {
        guard let context, !isRefused else { return }
        alarm.set(patience.deadline, on: context.eventLoop, for: self)
    }
}

extension Problem {
    static let requestTimeout = Problem(
        status: .requestTimeout, code: "REQUEST_TIMEOUT",
        detail:
            "the request's body did not come in time; send it again, faster or in smaller parts",
        isRetryable: true)
}
