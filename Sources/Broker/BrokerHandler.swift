import Logging
import MartletWire
import NIOCore

/// The way from the writer thread to a connection: its event loop, and its handler there.
struct Port: Sendable {
    let loop: any EventLoop
    let handler: NIOLoopBound<BrokerHandler>
}

/// What a turn gives to a connection.
struct Delivery: Sendable {
    var port: Port
    /// Whole frames, to be sent before those of `small`.
    var pushes: [ByteBuffer] = []
    /// Whole frames.
    var small: ByteBuffer
    /// Long messages, each as its frames; shorter ones may go between those.
    var large: [ByteBuffer]
    /// Channels whose long messages are not to be finished.
    var closedChannels: [UInt16] = []
    /// Bytes of frames that were handed over and are now worked off.
    var bytesDone: Int
    /// Requests likewise, those that `requests_in_flight_max` counts.
    var requestsDone = 0
    /// Bytes of events in `small`, by channel: when they are sent, the writer is told.
    var eventBytes: [UInt16: Int] = [:]
    /// A gateway's: it counts the requests of each of its clients itself.
    var isLink = false
    /// The client has been welcomed: it may send frames of full length.
    var isWelcomed: Bool
    var closes: Bool

    var byteCount: Int {
        let bytes = pushes.reduce(small.readableBytes) { $0 + $1.readableBytes }
        return large.reduce(bytes) { $0 + $1.readableBytes }
    }
}

/// One TCP connection: splits frames, hands them to the writer thread once per read cycle, and
/// writes what that gives back. It knows nothing of what frames mean.
final class BrokerHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let id: ConnectionID
    private let inbox: Inbox
    private let limits: ServerLimits
    private let logger: Logger
    private var splitter = FrameSplitter(expectsPreface: true)
    private var runs: [ByteBuffer] = []
    private var context: ChannelHandlerContext?
    private var isWelcomed = false
    private var isClosing = false
    /// Bytes handed over and not worked off.
    private var bytesInFlight = 0
    private var requestsInFlight = 0
    private var isLink = false
    private var readIsHeld = false
    private var large: [ByteBuffer] = []
    private var lastRead = NIODeadline.now()
    private var deadline: Scheduled<Void>?

    init(id: ConnectionID, inbox: Inbox, limits: ServerLimits, logger: Logger) {
        self.id = id
        self.inbox = inbox
        self.limits = limits
        self.logger = logger
    }

    // MARK: From the client

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let port = Port(
            loop: context.eventLoop, handler: NIOLoopBound(self, eventLoop: context.eventLoop))
        inbox.append(.opened(id, port))
        watch(.milliseconds(Int64(Limits.helloTimeoutMilliseconds)))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosing else { return }
        lastRead = .now()
        splitter.append(unwrapInboundIn(data))
        do {
            while let run = try splitter.nextRun() {
                bytesInFlight += run.readableBytes
                runs.append(run)
            }
        } catch {
            refuse(error)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        handOver()
    }

    /// Hands over what came, as far as it may be under way.
    private func handOver() {
        guard !runs.isEmpty, !isFull else { return }
        let rest = isLink ? [] : restAboveLimit()
        inbox.append(.frames(id, runs))
        runs.removeAll(keepingCapacity: true)
        runs += rest
    }

    /// Cuts off `runs` what would be more requests than may be under way, and counts the others.
    private func restAboveLimit() -> [ByteBuffer] {
        for index in runs.indices {
            var run = runs[index]
            while !isFull, let header = run.peekFrameHeader() {
                if header.endsCountedRequest { requestsInFlight += 1 }
                run.moveReaderIndex(forwardBy: header.frameBytes)
            }
            guard isFull else { continue }
            let rest = [run] + runs[(index + 1)...]
            runs.removeSubrange((index + 1)...)
            runs[index].moveWriterIndex(to: run.readerIndex)
            return rest.filter { $0.readableBytes > 0 }
        }
        return []
    }

    private var isFull: Bool { requestsInFlight >= Int(limits.requestsInFlightMax) }

    private var mayRead: Bool {
        bytesInFlight < Int(limits.bytesInFlightMax) && !isFull && runs.isEmpty
    }

    /// Reading stops while the writer thread is behind, or the client does not take what it is sent.
    func read(context: ChannelHandlerContext) {
        if mayRead, context.channel.isWritable {
            context.read()
        } else {
            readIsHeld = true
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        large.removeAll()
        inbox.append(.closed(id))
        self.context = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        logger.debug("connection broke", metadata: ["error": "\(error)"])
        context.close(promise: nil)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            writeLarge()
            context.flush()
        }
        resumeReading()
        context.fireChannelWritabilityChanged()
    }

    private func resumeReading() {
        guard readIsHeld, mayRead, let context, context.channel.isWritable else { return }
        readIsHeld = false
        context.read()
    }

    /// Framing is lost: says why, and closes.
    private func refuse(_ error: ClosingError) {
        guard let context else { return }
        isClosing = true
        var buffer = context.channel.allocator.buffer(capacity: 256)
        buffer.write(error)
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        context.close(promise: nil)
    }

    // MARK: From the writer thread

    func deliver(_ delivery: Delivery) {
        guard let context else { return }
        bytesInFlight -= delivery.bytesDone
        requestsInFlight = max(0, requestsInFlight - delivery.requestsDone)
        if delivery.isLink { isLink = true }
        if delivery.isWelcomed {
            isWelcomed = true
            splitter.frameBytesMax = Int(limits.frameBytesMax)
        }
        for push in delivery.pushes { context.write(wrapOutboundOut(push), promise: nil) }
        if delivery.small.readableBytes > 0 || !delivery.eventBytes.isEmpty {
            let sent = promiseOfEvents(delivery.eventBytes)
            context.write(wrapOutboundOut(delivery.small), promise: sent)
        }
        if !delivery.closedChannels.isEmpty {
            large.removeAll { message in
                message.peekFrameHeader().map { delivery.closedChannels.contains($0.channel) }
                    ?? true
            }
        }
        large.append(contentsOf: delivery.large)
        writeLarge()
        context.flush()
        if delivery.closes {
            isClosing = true
            return context.close(promise: nil)
        }
        handOver()
        resumeReading()
    }

    private func promiseOfEvents(_ bytes: [UInt16: Int]) -> EventLoopPromise<Void>? {
        guard !bytes.isEmpty else { return nil }
        let sent = context?.eventLoop.makePromise(of: Void.self)
        let (id, inbox) = (id, inbox)
        sent?.futureResult.whenSuccess { inbox.append(.eventsSent(id, bytes)) }
        return sent
    }

    /// Writes long messages frame by frame, one of each in turn, as the client takes them.
    private func writeLarge() {
        while let context, context.channel.isWritable, !large.isEmpty {
            var message = large.removeFirst()
            guard let header = message.peekFrameHeader(),
                let frame = message.readSlice(length: header.frameBytes)
            else { continue }
            context.write(wrapOutboundOut(frame), promise: nil)
            if message.readableBytes > 0 { large.append(message) }
        }
    }

    // MARK: Deadlines

    /// One callback per connection: for `HELLO`, then for silence.
    private func watch(_ delay: TimeAmount) {
        deadline = context?.eventLoop.assumeIsolated().scheduleTask(in: delay) {
            self.deadlineCame()
        }
    }

    private func deadlineCame() {
        guard let context, !isClosing else { return }
        guard isWelcomed else { return refuse(.helloTimeout()) }
        let idle = TimeAmount.milliseconds(Int64(limits.idleMilliseconds))
        let silence = NIODeadline.now() - lastRead
        guard silence < idle else {
            logger.debug("closing a silent connection")
            return context.close(promise: nil)
        }
        watch(idle - silence)
    }
}
