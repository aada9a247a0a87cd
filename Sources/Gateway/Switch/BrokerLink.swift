import Logging
import MartletWire
import NIOCore
import NIOPosix

/// The one connection to the broker of one event loop, and the switch between it and the clients of that loop.
///
/// Clients and their link share an event loop, so nothing here crosses threads: a frame is copied
/// once, with its channel changed, into what goes out next. All that the clients of a loop sent in
/// one cycle goes to the broker as one write, and so reaches its turn together; all that the broker
/// sent in one read goes to each client as one write.
final class BrokerLink: NIOScheduledCallbackHandler {
    /// A buffer that was once large is not kept large.
    private static let outputCapacityMax = 64 << 10

    let eventLoop: any EventLoop
    private let configuration: GatewayConfiguration
    private let logger: Logger

    private var machine: LinkMachine
    private var channels = ChannelTable<GatewayHandler>()
    private var clients: [ObjectIdentifier: GatewayHandler] = [:]
    /// Their `HELLO` waits for the link, in order.
    private var waiting: [GatewayHandler] = []
    /// Their reads wait until the link takes more.
    private var held: [GatewayHandler] = []
    /// Have got frames in this read cycle.
    private var touched: [GatewayHandler] = []

    private var channel: (any Channel)?
    private var output = ByteBuffer()
    private var isFlushScheduled = false
    /// What waits for all clients together.
    private var outputWaiting = 0
    private var alarm = Alarm()
    private var drained: EventLoopPromise<Void>?
    private let census: Census
    private let dictionaries = LinkDictionaries()

    init(
        on eventLoop: any EventLoop, configuration: GatewayConfiguration, census: Census,
        logger: Logger
    ) {
        self.eventLoop = eventLoop
        self.configuration = configuration
        self.machine = LinkMachine(limits: configuration.limits)
        self.logger = logger
        self.census = census
    }

    func start() {
        perform(machine.start())
    }

    // MARK: Clients

    /// Returns why the client can't stay, or `nil` when it can.
    func clientCame(_ client: GatewayHandler) -> ErrorMessage? {
        clients[ObjectIdentifier(client)] = client
        let limits = configuration.limits
        let count = census.clientCame()
        if drained != nil { return .stopping(retryAfter: limits.retryAfter) }
        guard count <= limits.connectionsMax else {
            return .tooManyClients(limit: limits.connectionsMax, retryAfter: limits.retryAfter)
        }
        return nil
    }

    func clientWent(_ client: GatewayHandler, outputWaiting waiting: Int) {
        guard clients.removeValue(forKey: ObjectIdentifier(client)) != nil else { return }
        census.clientWent()
        self.waiting.removeAll { $0 === client }
        held.removeAll { $0 === client }
        outputWaitingChanged(by: -waiting)
        if clients.isEmpty { drained?.succeed() }
    }

    /// Gives the client a channel now, or once the link is up.
    func admit(_ client: GatewayHandler) {
        guard let terms = machine.terms else { return waiting.append(client) }
        if let channel = channels.open(client) {
            client.admitted(to: channel, terms: terms)
        } else {
            client.rejected(
                .tooManyClients(limit: Int(UInt16.max), retryAfter: configuration.limits.retryAfter)
            )
        }
    }

    /// The client on this channel is gone.
    func free(_ channel: UInt16) {
        guard machine.terms != nil else { return }
        channels.close(channel)
        output.write(Close(), requestID: 0, channel: channel)
        scheduleFlush()
    }

    func send(_ run: ByteBuffer, channel: UInt16) {
        output.appendRun(run, channel: channel)
        scheduleFlush()
    }

    /// Whether clients are to be read: not while the broker is behind.
    var wantsInput: Bool {
        guard let channel else { return true }
        return channel.isWritable && output.readableBytes < configuration.limits.linkOutputBytes
    }

    func holdRead(of client: GatewayHandler) {
        held.append(client)
    }

    func outputWaitingChanged(by bytes: Int) {
        let wasFull = isOutputFull
        outputWaiting += bytes
        if wasFull, !isOutputFull { channel?.read() }
    }

    /// Whether clients together are so far behind that the broker is not to be read.
    var isOutputFull: Bool { outputWaiting > configuration.limits.outputBytesAll }

    /// A dictionary for a client that can't inflate.
    ///
    /// - Parameter later: called when one that was not there has come, or can't be had.
    func dictionary(
        _ id: UInt32, later: @escaping () -> Void
    ) -> LinkDictionaries.Found {
        dictionaries.find(
            id,
            asking: { message, requestID in
                output.write(message, requestID: requestID)
                scheduleFlush()
            }, later: later)
    }

    // MARK: The broker

    /// The largest frame that the broker sends.
    var frameBytesMax: Int { machine.terms?.frameBytesMax ?? Limits.frameBytesMax }

    func received(_ run: ByteBuffer) {
        machine.received(now: eventLoop.now)
        var walk = FrameWalk(run)
        while let step = walk.next() {
            if step.header.channel == 0 {
                control(step, of: run)
            } else if let client = channels[step.header.channel] {
                if client.deliver(step, of: run) { touched.append(client) }
            }
        }
    }

    func readComplete() {
        for client in touched { client.flushDeliveries() }
        touched.removeAll(keepingCapacity: true)
    }

    func writabilityChanged() {
        if wantsInput { resumeReading() }
    }

    func failed(_ error: any Error) {
        logger.warning("The link to the broker failed", metadata: ["error": "\(error)"])
        perform(.close)
    }

    func broke() {
        let wasUp = machine.terms != nil
        channel = nil
        output.clear()
        dictionaries.linkBroke()
        perform(machine.broke(chance: .random(in: 0..<1)))
        let broken = channels.breakAll()
        if wasUp {
            census.linkBroke()
            logger.info("The link to the broker broke", metadata: ["clients": "\(broken.count)"])
        }
        for client in broken { client.linkBroke() }
        resumeReading()
    }

    func handleScheduledCallback(eventLoop: some EventLoop) {
        alarm.fired()
        perform(machine.expired(now: eventLoop.now))
        armDeadline()
    }

    // MARK: The end

    /// Tells all clients to go elsewhere, and completes when they have, or after `time`.
    func drain(within time: TimeAmount) -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        drained = promise
        if clients.isEmpty { promise.succeed() }
        for client in clients.values { client.drain(within: time / 2) }
        eventLoop.assumeIsolated().scheduleTask(in: time) { self.closeClients() }
        return promise.futureResult
    }

    func stop() {
        closeClients()
        perform(machine.stop())
        alarm.cancel()
    }

    private func closeClients() {
        for client in clients.values { client.close() }
    }

    // MARK: Steps

    private func perform(_ action: LinkMachine.Action) {
        switch action {
        case .none: break
        case .connect: connect()
        case .greet: greet()
        case .open: open()
        case .ping: ping(fence: 0)
        case .close: channel?.close(promise: nil)
        case .wait(let time): eventLoop.assumeIsolated().scheduleTask(in: time) { self.start() }
        }
    }

    private func connect() {
        let address = configuration.broker
        let isolated = NIOLoopBound(self, eventLoop: eventLoop)
        ClientBootstrap(group: eventLoop)
            .connectTimeout(configuration.limits.connectTimeout)
            .channelOption(
                .writeBufferWaterMark,
                value: .init(
                    low: configuration.limits.linkOutputBytes / 4,
                    high: configuration.limits.linkOutputBytes)
            )
            .channelOption(.maxMessagesPerRead, value: 16)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        LinkHandler(link: isolated.value))
                }
            }
            .connect(host: address.host, port: address.port)
            .assumeIsolated()
            .whenComplete { self.connected($0) }
    }

    private func connected(_ result: Result<any Channel, any Error>) {
        switch result {
        case .success(let channel):
            self.channel = channel
            perform(machine.connected(now: eventLoop.now))
        case .failure(let error):
            logger.debug("No broker", metadata: ["error": "\(error)"])
            perform(machine.broke(chance: .random(in: 0..<1)))
        }
        armDeadline()
    }

    private func greet() {
        output.writeBytes(Preface.bytes)
        output.write(
            Hello(
                client: GatewayConfiguration.name, token: configuration.brokerToken, isLink: true),
            requestID: 1)
        flush()
    }

    private func open() {
        census.linkCameUp()
        logger.info("The link to the broker is up")
        let clients = waiting
        waiting.removeAll()
        for client in clients { admit(client) }
    }

    private func ping(fence: UInt64) {
        output.writeFence(fence)
        scheduleFlush()
    }

    /// A frame for the gateway itself.
    private func control(_ step: FrameWalk.Step, of run: ByteBuffer) {
        switch Opcode(rawValue: step.header.opcode) {
        case .welcome: welcomed(step, of: run)
        case .pong:
            channels.fencePassed(run.getInteger(at: step.bodyStart, endianness: .little) ?? 0)
            if let next = channels.raiseFence() { ping(fence: next) }
        case .dictionary,
            .error where LinkDictionaries.isOwn(requestID: step.header.requestID):
            dictionaryCame(step, of: run)
        case .error: refused(step, of: run)
        default: break
        }
    }

    private func welcomed(_ step: FrameWalk.Step, of run: ByteBuffer) {
        do {
            let welcome = try Welcome(body: step.body(in: run))
            perform(machine.welcomed(GatewayConnection.Terms(welcome), now: eventLoop.now))
        } catch {
            failed(error)
        }
    }

    private func dictionaryCame(_ step: FrameWalk.Step, of run: ByteBuffer) {
        var message: DictionaryMessage?
        if step.header.opcode == Opcode.dictionary.rawValue {
            do {
                message = try DictionaryMessage(body: step.body(in: run))
            } catch {
                return failed(error)
            }
        }
        dictionaries.answered(requestID: step.header.requestID, message)
    }

    private func refused(_ step: FrameWalk.Step, of run: ByteBuffer) {
        do {
            failed(try ErrorMessage(body: step.body(in: run)))
        } catch {
            failed(error)
        }
    }

    /// One flush for all that the clients send in this cycle of the event loop: tasks run when its
    /// sockets have been read.
    private func scheduleFlush() {
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        eventLoop.assumeIsolated().execute { self.flush() }
    }

    private func flush() {
        isFlushScheduled = false
        if let fence = channels.raiseFence() { output.writeFence(fence) }
        guard let channel, output.readableBytes > 0 else { return }
        channel.writeAndFlush(output, promise: nil)
        // As much comes next as came now, more or less: it need not grow again from nothing.
        output = channel.allocator.buffer(
            capacity: min(output.readableBytes, Self.outputCapacityMax))
        if wantsInput { resumeReading() }
    }

    private func resumeReading() {
        let clients = held
        held.removeAll(keepingCapacity: true)
        for client in clients { client.resumeReading() }
    }

    private func armDeadline() {
        alarm.set(machine.deadline, on: eventLoop, for: self)
    }
}

extension ByteBuffer {
    /// `PING` on channel 0 with the number of a fence; its `PONG` brings it back.
    fileprivate mutating func writeFence(_ number: UInt64) {
        writeFrames(.ping, requestID: 2) { $0.writeInteger(number, endianness: .little) }
    }
}

extension GatewayConnection.Terms {
    fileprivate init(_ welcome: Welcome) {
        self.init(
            frameBytesMax: Int(welcome.limits.frameBytesMax),
            // With fewer, messages begun and not ended could leave no room for their last frames.
            requestsInFlightMax: max(
                Limits.unfinishedMessagesMax + 1, Int(welcome.limits.requestsInFlightMax)),
            payloadBytesMax: Int(welcome.limits.payloadBytesMax),
            idle: .milliseconds(Int64(welcome.limits.idleMilliseconds)))
    }
}
