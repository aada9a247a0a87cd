import Logging
import MartletWire
import NIOCore

/// One client's connection on its event loop: runs what its machine says, and moves bytes between it and the link.
final class GatewayHandler: ChannelDuplexHandler, NIOScheduledCallbackHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var machine: GatewayConnection
    private let link: BrokerLink
    private let limits: GatewayLimits
    private let logger: Logger
    private var context: ChannelHandlerContext?

    /// Frames for the client, gathered while the link is being read.
    private var output = ByteBuffer()
    /// What waits in the channel, as the link has been told.
    private var outputWaiting = 0
    private var hasDeliveries = false
    private var isDelivering = false
    /// For a client that can't read every payload.
    private var plain: PlainDelivery?
    /// The client is to be let go once `output` is flushed.
    private var finishesAfterFlush = false
    /// A read that was asked for while none was wanted.
    private var isReadHeld = false
    private var alarm = Alarm()

    init(link: BrokerLink, tokens: AccessTokens, limits: GatewayLimits, logger: Logger) {
        self.link = link
        self.limits = limits
        self.machine = GatewayConnection(tokens: tokens, limits: limits, now: link.eventLoop.now)
        self.logger = logger
    }

    // MARK: The client's channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func channelActive(context: ChannelHandlerContext) {
        if let refusal = link.clientCame(self) {
            perform(machine.rejected(refusal, now: now))
        } else {
            armDeadline()
        }
        context.fireChannelActive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        alarm.cancel()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        machine.received(unwrapInboundIn(data), now: now)
        handleReceived()
    }

    func read(context: ChannelHandlerContext) {
        isReadHeld = true
        resumeReading()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        measureOutput()
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        perform(machine.clientLeft())
        link.clientWent(self, outputWaiting: outputWaiting)
        outputWaiting = 0
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        logger.debug("A client's connection failed", metadata: ["error": "\(error)"])
        context.close(promise: nil)
    }

    func handleScheduledCallback(eventLoop: some EventLoop) {
        alarm.fired()
        perform(machine.expired(now: now))
        armDeadline()
    }

    // MARK: From the link

    func admitted(to channel: UInt16, terms: GatewayConnection.Terms) {
        perform(machine.admitted(to: channel, terms: terms, now: now))
        if let codecs = machine.codecs, !codecs.isSuperset(of: .all) {
            plain = plainDelivery(codecs, payloadBytesMax: terms.payloadBytesMax)
        }
        handleReceived()
        armDeadline()
        resumeReading()
    }

    func rejected(_ error: ErrorMessage) {
        perform(machine.rejected(error, now: now))
        resumeReading()
    }

    /// Takes a frame that came on this client's channel; `flushDeliveries` sends what was taken.
    ///
    /// - Returns: whether it is the first since the last flush.
    func deliver(_ step: FrameWalk.Step, of frames: ByteBuffer) -> Bool {
        guard !finishesAfterFlush else { return false }
        isDelivering = true
        defer { (hasDeliveries, isDelivering) = (true, false) }
        let freed = machine.channel
        switch machine.delivered(step.header, closes: step.isClosingError(in: frames), now: now) {
        case .drop: break
        case .pass: pass(step, of: frames)
        case .passThenFinish:
            output.appendFrame(step, of: frames, channel: 0)
            finishesAfterFlush = true
        case .finish: finishesAfterFlush = true
        }
        if finishesAfterFlush { plain = nil }
        if finishesAfterFlush, let freed { link.free(freed) }
        return !hasDeliveries
    }

    func flushDeliveries() {
        hasDeliveries = false
        flushOutput()
        if finishesAfterFlush { return finish() }
        // Answers make room for requests that were held.
        if machine.holdsRequests { handleReceived() }
        if isReadHeld { resumeReading() }
    }

    func linkBroke() {
        perform(machine.linkBroke())
    }

    /// Tells the client that the gateway is going away.
    func drain(within time: TimeAmount) {
        guard machine.isWelcomed else {
            return perform(machine.stopped())
        }
        output.write(Draining(milliseconds: UInt32(clamping: time.milliseconds)), requestID: 0)
        flushOutput()
    }

    func close() {
        perform(machine.stopped())
    }

    func resumeReading() {
        guard isReadHeld, machine.wantsInput else { return }
        guard link.wantsInput else { return link.holdRead(of: self) }
        isReadHeld = false
        context?.read()
    }

    // MARK: Payloads

    private func pass(_ step: FrameWalk.Step, of frames: ByteBuffer) {
        do {
            guard try plain?.takes(step, of: frames) == true else {
                return output.appendFrame(step, of: frames, channel: 0)
            }
        } catch {
            logger.warning("The broker sent what is no message", metadata: ["error": "\(error)"])
            context?.close(promise: nil)
        }
    }

    private func plainDelivery(
        _ codecs: Hello.Codecs, payloadBytesMax: Int
    ) -> PlainDelivery {
        let limits = limits
        return PlainDelivery(
            codecs,
            PlainDelivery.Surroundings(
                dictionary: { [link] in link.dictionary($0, later: $1) },
                hasRoom: { [unowned self] in
                    outputWaiting + output.readableBytes <= limits.outputBytesSoft
                },
                send: { [unowned self] in send($0) }, payloadBytesMax: payloadBytesMax))
    }

    /// Sends what was unpacked: with the rest, or now when the link is not being read.
    private func send(_ frames: ByteBuffer) {
        output.writeImmutableBuffer(frames)
        if !isDelivering { flushOutput() }
    }

    // MARK: Steps

    private var now: NIODeadline { link.eventLoop.now }

    private func handleReceived() {
        while true {
            let action = machine.next(now: now)
            if case .none = action { return }
            perform(action)
        }
    }

    private func perform(_ action: consuming GatewayConnection.Action) {
        switch action {
        case .none: break
        case .admit:
            link.admit(self)
            armDeadline()
        case .forward(let frames, let channel):
            link.send(frames, channel: channel)
        case .refuse(let error, let requestID, let freed):
            logger.debug("Refused a client", metadata: ["error": "\(error)"])
            if let freed { link.free(freed) }
            output.write(error, requestID: requestID)
            flushOutput()
            finish()
        case .close(let ending, let freed):
            logger.debug("Closed a client", metadata: ["reason": "\(ending.rawValue)"])
            if let freed { link.free(freed) }
            context?.close(promise: nil)
        }
    }

    /// Closes our side; the machine lingers until the client has closed its own.
    private func finish() {
        context?.close(mode: .output, promise: nil)
        armDeadline()
        resumeReading()
    }

    private func flushOutput() {
        guard let context, output.readableBytes > 0 else { return }
        context.writeAndFlush(wrapOutboundOut(output), promise: nil)
        // A new one: to keep its storage for each idle client would be most of what a client costs.
        output = ByteBuffer()
        measureOutput()
    }

    /// Keeps account of what the client has not taken. The channel is only asked when it says that it is behind.
    private func measureOutput() {
        guard let channel = context?.channel, channel.isActive else { return }
        var waiting = 0
        if !channel.isWritable {
            waiting = (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        }
        guard waiting != outputWaiting else { return }
        link.outputWaitingChanged(by: waiting - outputWaiting)
        outputWaiting = waiting
        plain?.advance()
        perform(machine.outputWaiting(waiting, now: now))
        armDeadline()
    }

    private func armDeadline() {
        guard context != nil else { return }
        alarm.set(machine.deadline, on: link.eventLoop, for: self)
    }
}
