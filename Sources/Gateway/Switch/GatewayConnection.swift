import MartletWire
import NIOCore

/// One client's connection as a machine: what happens comes in, what to do goes out. No socket, no clock.
///
/// ```
///  greeting ──HELLO──▶ holding ──channel──▶ open ──▶ lingering ──▶ closed
///     └───────────── anything that is wrong ──────────▲               ▲
///                                  the peer is gone, too slow, silent ┘
/// ```
struct GatewayConnection: ~Copyable {
    enum Action: Equatable {
        case none
        /// A client that may come in: find it a channel.
        case admit
        /// Pass on to the broker, under this channel.
        case forward(ByteBuffer, channel: UInt16)
        /// Tell the client what is wrong, then let go of it as `Delivery.passThenFinish` does.
        case refuse(ErrorMessage, requestID: UInt64, freeing: UInt16?)
        /// Close at once; the channel, if it had one, is free.
        case close(Ending, freeing: UInt16?)
    }

    /// Why a connection was closed without an answer; for the log.
    enum Ending: String {
        case clientLeft = "client left"
        case linkBroke = "link to the broker broke"
        case silent = "nothing received for the idle time"
        case slow = "client does not take its output"
        case lingered = "client did not close"
        case stopped = "the gateway stops"
    }

    /// What to do with a frame from the broker.
    enum Delivery {
        case pass
        /// Pass it, flush, close our side, and read until the client has closed its own: closing
        /// both at once could take the last frame from it. The channel is free.
        case passThenFinish
        /// The same without the frame.
        case finish
        /// The client is leaving already.
        case drop
    }

    /// What the broker agreed to with the link, and so holds for its channels.
    struct Terms: Equatable {
        var frameBytesMax: Int
        var requestsInFlightMax = Limits.requestsInFlightMax
        var payloadBytesMax = Limits.payloadBytesMax
        var idle: TimeAmount
    }

    private enum State {
        case greeting(since: NIODeadline)
        case holding(Held)
        case open(Open)
        case lingering(since: NIODeadline)
        case closed
    }

    private struct Held {
        /// The `HELLO`, and what came with it.
        let run: ByteBuffer
        let helloID: UInt64
        let codecs: Hello.Codecs
        let since: NIODeadline
    }

    private struct Open {
        let channel: UInt16
        let terms: Terms
        let codecs: Hello.Codecs
        var isWelcomed = false
        var lastReceived: NIODeadline
        var requests = RequestCount()
        /// Came when too many were; passed on when answers have come.
        var held = ByteBuffer()
        /// The request id of the client's `BYE`, whose reply is the last frame.
        var byeID: UInt64?
        /// Since when more waits for the client than should.
        var overSince: NIODeadline?

        var silentAt: NIODeadline { lastReceived + terms.idle }

        var isFull: Bool { requests.inFlight >= terms.requestsInFlightMax }
    }

    private var state: State
    private var splitter: FrameSplitter
    private let tokens: AccessTokens
    private let limits: GatewayLimits

    init(tokens: AccessTokens, limits: GatewayLimits, now: NIODeadline) {
        self.state = .greeting(since: now)
        self.splitter = FrameSplitter(
            expectsPreface: true, frameBytesMax: Limits.preludeBytesMax)
        self.tokens = tokens
        self.limits = limits
    }

    /// The channel that the client has on the link.
    ///
    /// Inlined, it makes the optimiser of Swift 6.3.1 fail (CopyPropagation, an ownership error).
    var channel: UInt16? {
        @inline(never) get {
            if case .open(let open) = state { open.channel } else { nil }
        }
    }

    /// What payloads the client can read, once it is in.
    var codecs: Hello.Codecs? {
        @inline(never) get {
            if case .open(let open) = state { open.codecs } else { nil }
        }
    }

    /// Whether to read what the client sends: not while its `HELLO` waits, or too many requests do.
    var wantsInput: Bool {
        switch state {
        case .holding: false
        case .open(let open): !open.isFull && open.held.readableBytes == 0
        case .greeting, .lingering, .closed: true
        }
    }

    /// Whether requests wait until others are answered.
    var holdsRequests: Bool {
        if case .open(let open) = state { open.held.readableBytes > 0 } else { false }
    }

    /// Whether the client knows its session, and so understands a push.
    var isWelcomed: Bool {
        if case .open(let open) = state { open.isWelcomed } else { false }
    }

    /// When `expired` wants to be called if nothing else happens; `nil`: never.
    var deadline: NIODeadline? {
        switch state {
        case .greeting(let since): since + limits.helloTimeout
        case .holding(let held): held.since + limits.linkPatience
        case .open(let open):
            min(open.silentAt, open.overSince.map { $0 + limits.outputGrace } ?? .distantFuture)
        case .lingering(let since): since + limits.lingerTimeout
        case .closed: nil
        }
    }

    // MARK: The client

    /// Takes what came. Call `next` until it gives `none` after that.
    mutating func received(_ bytes: ByteBuffer, now: NIODeadline) {
        switch state {
        case .greeting, .holding:
            splitter.append(bytes)
        case .open(var open):
            open.lastReceived = now
            state = .open(open)
            splitter.append(bytes)
        case .lingering, .closed:
            break
        }
    }

    /// What to do about what came.
    mutating func next(now: NIODeadline) -> Action {
        do throws(ClosingError) {
            switch state {
            case .greeting:
                guard let run = try splitter.nextRun() else { return .none }
                return try greeted(with: run, now: now)
            case .holding:
                // What came behind the HELLO stays in the splitter until there is a channel.
                return .none
            case .open(let open):
                if open.isFull { return .none }
                if open.held.readableBytes > 0 { return forward(checked: open.held, of: open) }
                guard let run = try splitter.nextRun() else { return .none }
                return try forward(run, of: open)
            case .lingering, .closed:
                return .none
            }
        } catch {
            return refuse(ErrorMessage(error), requestID: error.requestID, now: now)
        }
    }

    /// The client closed its side, or its connection broke.
    mutating func clientLeft() -> Action {
        close(.clientLeft)
    }

    /// The deadline has come.
    mutating func expired(now: NIODeadline) -> Action {
        guard let deadline, deadline <= now else { return .none }
        switch state {
        case .greeting:
            return refuse(ErrorMessage(.helloTimeout()), requestID: 0, now: now)
        case .holding(let held):
            return refuse(
                .noBroker(retryAfter: limits.retryAfter), requestID: held.helloID, now: now)
        case .open(let open):
            return close(open.silentAt <= now ? .silent : .slow)
        case .lingering:
            return close(.lingered)
        case .closed:
            return .none
        }
    }

    /// `bytes` wait for the client.
    mutating func outputWaiting(_ bytes: Int, now: NIODeadline) -> Action {
        guard case .open(var open) = state else { return .none }
        if bytes > limits.outputBytesHard { return close(.slow) }
        open.overSince = bytes > limits.outputBytesSoft ? open.overSince ?? now : nil
        state = .open(open)
        return .none
    }

    // MARK: The link

    /// The link has a channel for the client that asked to be admitted.
    mutating func admitted(to channel: UInt16, terms: Terms, now: NIODeadline) -> Action {
        guard case .holding(let held) = state else {
            preconditionFailure("a channel for a client that did not ask")
        }
        return forward(
            checked: held.run,
            of: Open(channel: channel, terms: terms, codecs: held.codecs, lastReceived: now))
    }

    /// There is no room for a client that is not in yet.
    mutating func rejected(_ error: ErrorMessage, now: NIODeadline) -> Action {
        switch state {
        case .holding(let held): refuse(error, requestID: held.helloID, now: now)
        case .greeting: refuse(error, requestID: 0, now: now)
        case .open, .lingering, .closed: .none
        }
    }

    /// A frame came on the client's channel. `closes`: it is an `ERROR` that closes.
    mutating func delivered(_ header: FrameHeader, closes: Bool, now: NIODeadline) -> Delivery {
        guard case .open(var open) = state else { return .drop }
        open.requests.answered(header)
        state = .open(open)
        switch Opcode(rawValue: header.opcode) {
        case .welcome:
            splitter.frameBytesMax = open.terms.frameBytesMax
            open.isWelcomed = true
            state = .open(open)
            return .pass
        case .error where closes, .done where header.requestID == open.byeID:
            state = .lingering(since: now)
            return .passThenFinish
        case .close:
            state = .lingering(since: now)
            return .finish
        default:
            return .pass
        }
    }

    mutating func linkBroke() -> Action {
        close(.linkBroke)
    }

    /// The gateway is done with this client.
    mutating func stopped() -> Action {
        close(.stopped)
    }

    // MARK: Steps

    /// The first frames are here: the first of them is the only one that the gateway reads.
    private mutating func greeted(
        with run: ByteBuffer, now: NIODeadline
    ) throws(ClosingError) -> Action {
        var walk = FrameWalk(run)
        guard let first = walk.next() else { return .none }
        let header = first.header
        guard header.opcode == Opcode.hello.rawValue, header.flags.isEmpty else {
            throw .helloExpected(header)
        }
        try checkHeaders(of: run)
        let hello: Hello
        do throws(WireError) {
            hello = try Hello(body: first.body(in: run))
        } catch {
            return refuse(ErrorMessage(error), requestID: header.requestID, now: now)
        }
        guard tokens.accept(hello.token.utf8) else {
            throw .notAuthenticated(requestID: header.requestID)
        }
        guard !hello.isLink else { throw .linkNotAllowed(header) }
        state = .holding(
            Held(run: run, helloID: header.requestID, codecs: hello.codecs, since: now))
        return .admit
    }

    private mutating func forward(_ run: ByteBuffer, of open: Open) throws(ClosingError) -> Action {
        var open = open
        if let byeID = try checkHeaders(of: run) { open.byeID = byeID }
        return forward(checked: run, of: open)
    }

    /// Passes on as much of the run as may be under way, and holds the rest.
    private mutating func forward(checked run: ByteBuffer, of open: Open) -> Action {
        var open = open
        var walk = FrameWalk(run)
        var end = run.readerIndex
        while !open.isFull, let step = walk.next() {
            open.requests.sent(step.header)
            end = step.frame.upperBound
        }
        open.held = run
        let passed = open.held.readSlice(length: end - run.readerIndex) ?? ByteBuffer()
        state = .open(open)
        return .forward(passed, channel: open.channel)
    }

    /// Looks at headers alone: a client has no channels, and can't close one.
    ///
    /// - Returns: the request id of a `BYE` among them.
    @discardableResult
    private func checkHeaders(of run: ByteBuffer) throws(ClosingError) -> UInt64? {
        var byeID: UInt64?
        var walk = FrameWalk(run)
        while let step = walk.next() {
            if step.header.channel != 0 { throw .channelNotAllowed(step.header) }
            if step.header.opcode == Opcode.close.rawValue { throw .closeNotAllowed(step.header) }
            if step.header.opcode == Opcode.bye.rawValue { byeID = step.header.requestID }
        }
        return byeID
    }

    private mutating func refuse(
        _ error: ErrorMessage, requestID: UInt64, now: NIODeadline
    ) -> Action {
        let freed = channel
        state = .lingering(since: now)
        return .refuse(error, requestID: requestID, freeing: freed)
    }

    private mutating func close(_ ending: Ending) -> Action {
        if case .closed = state { return .none }
        let freed = channel
        state = .closed
        return .close(ending, freeing: freed)
    }
}
