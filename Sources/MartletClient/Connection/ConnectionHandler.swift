import Logging
import MartletWire
import NIOCore

/// Carries out what `ConnectionMachine` says: the only one that touches the socket.
///
/// Decoder, machine and encoder in one handler, all on the connection's event loop.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    typealias ReplyContinuation = CheckedContinuation<Result<Frame, MartletError>, Never>

    /// What the server said last; the protocol's defaults until it has said anything.
    private(set) var welcome = Welcome(
        session: 0, secret: 0, isResumed: false, serverTime: 0, server: "")

    private let eventLoop: any EventLoop
    private let logger: Logger
    private let onPush: @Sendable (Push) -> Void
    private var context: ChannelHandlerContext?
    private var machine: ConnectionMachine<ReplyContinuation>
    private var splitter = FrameSplitter(expectsPreface: false, frameBytesMax: Limits.frameBytesMax)
    private var assembler = MessageAssembler()
    private var outbound = OutboundQueue()
    private var isFlushScheduled = false
    private var deadline: (at: NIODeadline, callback: NIOScheduledCallback)?

    init(eventLoop: any EventLoop, logger: Logger, onPush: @escaping @Sendable (Push) -> Void) {
        self.eventLoop = eventLoop
        self.logger = logger
        self.onPush = onPush
        self.machine = ConnectionMachine(now: eventLoop.now)
    }

    // MARK: What the connection's actor asks for

    var closeReason: MartletError? { machine.closeReason }

    func makeRequestID() -> UInt64 {
        machine.makeRequestID()
    }

    func request(
        _ message: some Message, id: UInt64, kind: ConnectionMachine<ReplyContinuation>.RequestKind,
        deadline: NIODeadline, continuation: ReplyContinuation
    ) {
        switch machine.request(continuation, id: id, kind: kind, deadline: deadline) {
        case .send:
            if kind == .hello { outbound.appendPreface() }
            send(message, id: id)
            scheduleDeadline()
        case .refuse(let continuation, let error):
            continuation.resume(returning: .failure(error))
        }
    }

    /// Sends what nobody waits for an answer to.
    func send(_ message: some Message, id: UInt64 = 0) {
        outbound.append(message, requestID: id, splitBytes: splitBytes)
        scheduleFlush()
    }

    func cancel(_ id: UInt64) {
        machine.cancel(id)?.resume(returning: .failure(.cancelled))
    }

    func close(_ reason: MartletError) {
        for continuation in machine.close(reason) {
            continuation.resume(returning: .failure(reason))
        }
        context?.close(promise: nil)
    }

    // MARK: What the channel says

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        close(.lost(nil))
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        machine.heard(eventLoop.now)
        do throws(ClosingError) {
            splitter.append(unwrapInboundIn(data))
            while var run = try splitter.nextRun() {
                while let frame = run.readFrame() {
                    if case .message(let message) = try assembler.accept(frame) { receive(message) }
                }
            }
        } catch {
            close(.violation(error))
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if !outbound.isEmpty { flush() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { flush() }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.callback.cancel()
        deadline = nil
        close(.lost(nil))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close(.lost(error))
    }

    // MARK: Receiving

    private func receive(_ frame: Frame) {
        guard let opcode = Opcode(rawValue: frame.header.opcode) else {
            logger.debug(
                "server sent an unknown opcode", metadata: ["opcode": "\(frame.header.opcode)"])
            return
        }
        do throws(WireError) {
            switch opcode {
            case .error:
                receiveError(try ErrorMessage(body: frame.body), id: frame.header.requestID)
            case .welcome: try receiveWelcome(frame)
            case .jobs: onPush(.jobs(try Jobs(body: frame.body)))
            case .cancel: onPush(.cancel(try Cancellations(body: frame.body)))
            case .events: onPush(.events(try Events(body: frame.body)))
            case .draining: onPush(.draining(try Draining(body: frame.body)))
            default: receiveReply(frame)
            }
        } catch {
            close(.violation(error))
        }
    }

    private func receiveReply(_ frame: Frame) {
        switch machine.reply(id: frame.header.requestID) {
        case .deliver(let continuation): continuation.resume(returning: .success(frame))
        case .drop: break
        }
    }

    private func receiveWelcome(_ frame: Frame) throws(WireError) {
        let message = try Welcome(body: frame.body)
        let idle = TimeAmount.milliseconds(Int64(message.limits.idleMilliseconds))
        switch machine.welcome(id: frame.header.requestID, idle: idle) {
        case .greeted(let continuation):
            adopt(message)
            continuation.resume(returning: .success(frame))
        case .limitsChanged:
            adopt(message)
            onPush(.welcome(message))
        case .drop:
            break
        }
    }

    private func adopt(_ message: Welcome) {
        welcome = message
        splitter.frameBytesMax = Int(message.limits.frameBytesMax)
        assembler.messageBytesMax = Int(message.limits.messageBytesMax)
        scheduleDeadline()
    }

    private func receiveError(_ message: ErrorMessage, id: UInt64) {
        switch machine.error(id: id, MartletError(message), closes: message.closes) {
        case .fail(let continuation, let error):
            continuation.resume(returning: .failure(error))
        case .close(let continuations, let error):
            for continuation in continuations { continuation.resume(returning: .failure(error)) }
            close(error)
        case .drop:
            logger.debug(
                "server reported an error",
                metadata: ["error": "\(message.code): \(message.message)"])
        }
    }

    // MARK: Sending

    private var splitBytes: Int {
        min(Limits.splitBytes, Int(welcome.limits.frameBytesMax))
    }

    /// Everything that is sent in one turn of the loop goes to the socket at its end, in one write.
    private func scheduleFlush() {
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        let handler = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.execute {
            handler.value.isFlushScheduled = false
            handler.value.flush()
        }
    }

    private func flush() {
        guard let context else { return }
        var hasWritten = false
        while let buffer = outbound.takeSmall()
            ?? (context.channel.isWritable ? outbound.takeLargeFrame() : nil)
        {
            context.write(wrapOutboundOut(buffer), promise: nil)
            hasWritten = true
        }
        guard hasWritten else { return }
        machine.sent(eventLoop.now)
        context.flush()
    }

    // MARK: Time

    /// One callback a connection: moved only when something is due before it.
    private func scheduleDeadline() {
        let next = machine.nextDeadline
        guard next < .distantFuture, next < deadline?.at ?? .distantFuture else { return }
        deadline?.callback.cancel()
        deadline = nil
        do {
            let callback = try eventLoop.scheduleCallback(
                at: next,
                handler: DeadlineCallback(handler: NIOLoopBound(self, eventLoop: eventLoop)))
            deadline = (next, callback)
        } catch {
            close(.lost(error))
        }
    }

    private func deadlineCame() {
        deadline = nil
        let action = machine.tick(eventLoop.now)
        for continuation in action.expired { continuation.resume(returning: .failure(.timeout)) }
        switch action.next {
        case .nothing:
            break
        case .ping:
            send(Ping(), id: machine.makeRequestID())
        case .close(let continuations, let reason):
            for continuation in continuations { continuation.resume(returning: .failure(reason)) }
            close(reason)
        }
        scheduleDeadline()
    }

    private struct DeadlineCallback: NIOScheduledCallbackHandler {
        let handler: NIOLoopBound<ConnectionHandler>

        func handleScheduledCallback(eventLoop: some EventLoop) {
            handler.value.deadlineCame()
        }
    }
}

extension MartletError {
    static var cancelled: MartletError {
        MartletError(.cancelled, "the calling task was cancelled")
    }

    static var timeout: MartletError {
        MartletError(.timeout, "no reply came in time", isRetryable: true)
    }

    fileprivate static func lost(_ error: (any Error)?) -> MartletError {
        MartletError(
            .connectionLost,
            error.map { "the connection broke: \(words(for: $0))" }
                ?? "the server closed the connection",
            isRetryable: true, underlyingError: error)
    }

    /// The length of a frame that begins with the letters `HTTP`.
    private static let lengthOfHTTP: UInt64 = 0x5054_5448

    fileprivate static func violation(_ error: ClosingError) -> MartletError {
        let isHTTP = error.actual == lengthOfHTTP
        return MartletError(
            .protocolViolation,
            isHTTP
                ? "the server answers in HTTP: give the address at which it speaks Martlet's protocol"
                : "the server broke the framing: \(error.message)",
            underlyingError: error)
    }
}
