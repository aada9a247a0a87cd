import NIOCore

/// What a connection does next, as a function of what happened to it. No socket, no clock, no loop.
///
/// Generic over `Waiter`, whatever waits for a reply, so that tests need no continuations. Each
/// waiter goes in once and comes out once, in the action of the event that ends its wait.
struct ConnectionMachine<Waiter>: ~Copyable {
    private var state = State.opened
    private var waiters = WaitTable<Waiter>()
    private var nextRequestID: UInt64 = 1
    /// When a byte last came, and when one last went.
    private var heardAt: NIODeadline
    private var sentAt: NIODeadline
    /// The connection is given up when the server has been silent for this long.
    private var idle = TimeAmount.seconds(60)

    init(now: NIODeadline) {
        heardAt = now
        sentAt = now
    }

    /// When `tick` wants to be called next, at the latest.
    var nextDeadline: NIODeadline {
        switch state {
        case .opened: waiters.earliestDeadline
        case .open, .leaving: min(waiters.earliestDeadline, sentAt + pingInterval, heardAt + idle)
        case .closed: .distantFuture
        }
    }

    /// Why the connection has ended; nil while it has not.
    var closeReason: MartletError? {
        if case .closed(let reason) = state { reason } else { nil }
    }

    var isOpen: Bool {
        if case .open = state { true } else { false }
    }

    var requestsUnderWay: Int { waiters.count }

    /// The protocol's rule: `PING` after a third of the idle time without having sent anything.
    private var pingInterval: TimeAmount { .nanoseconds(idle.nanoseconds / 3) }

    // MARK: What the program does

    mutating func makeRequestID() -> UInt64 {
        defer { nextRequestID += 1 }
        return nextRequestID
    }

    /// The program wants to send a request. `.hello` is for an opened connection, once; everything
    /// else for an open one.
    mutating func request(
        _ waiter: Waiter, id: UInt64, kind: RequestKind, deadline: NIODeadline
    ) -> RequestAction {
        switch (state, kind) {
        case (.opened, .hello), (.open, .ordinary):
            break
        case (.open, .bye):
            state = .leaving
        case (.closed(let reason), _):
            return .refuse(waiter, reason)
        case (.leaving, _):
            return .refuse(waiter, .leaving)
        case (.opened, _), (.open, .hello):
            preconditionFailure("the first request, and no other, is HELLO")
        }
        waiters.insert(waiter, number: id, deadline: deadline)
        return .send
    }

    /// The program no longer waits. The reply, should it come, is dropped.
    mutating func cancel(_ id: UInt64) -> Waiter? {
        waiters.remove(id)
    }

    /// Bytes were handed to the socket.
    mutating func sent(_ now: NIODeadline) {
        sentAt = now
    }

    // MARK: What the server does

    /// Bytes came, whatever they are.
    mutating func heard(_ now: NIODeadline) {
        heardAt = now
    }

    /// `WELCOME` came: as the answer to `HELLO`, or later with new limits.
    mutating func welcome(id: UInt64, idle: TimeAmount) -> WelcomeAction {
        switch state {
        case .opened:
            guard let waiter = waiters.remove(id) else { return .drop }
            self.idle = idle
            state = .open
            return .greeted(waiter)
        case .open, .leaving:
            self.idle = idle
            return .limitsChanged
        case .closed:
            return .drop
        }
    }

    /// A reply came.
    mutating func reply(id: UInt64) -> ReplyAction {
        waiters.remove(id).map(ReplyAction.deliver) ?? .drop
    }

    /// `ERROR` came.
    mutating func error(id: UInt64, _ error: MartletError, closes: Bool) -> ErrorAction {
        let waiter = waiters.remove(id)
        guard closes else { return waiter.map { .fail($0, error) } ?? .drop }
        let others = close(error)
        return .close((waiter.map { [$0] } ?? []) + others, error)
    }

    // MARK: Time and the end

    /// Time has passed.
    mutating func tick(_ now: NIODeadline) -> TickAction {
        switch state {
        case .closed:
            return TickAction(expired: [], next: .nothing)
        case .opened:
            return TickAction(expired: waiters.removeExpired(now), next: .nothing)
        case .open, .leaving:
            let expired = waiters.removeExpired(now)
            if heardAt + idle <= now {
                let reason = MartletError.silent(for: idle)
                return TickAction(expired: expired, next: .close(close(reason), reason))
            }
            return TickAction(
                expired: expired, next: sentAt + pingInterval <= now ? .ping : .nothing)
        }
    }

    /// The connection is over; the first reason given stays.
    ///
    /// - Returns: everyone who still waits for a reply.
    mutating func close(_ reason: MartletError) -> [Waiter] {
        switch state {
        case .opened, .open, .leaving: state = .closed(reason)
        case .closed: break
        }
        return waiters.removeAll()
    }

    // MARK: Types

    private enum State {
        /// TCP stands; `HELLO` is under way or about to be.
        case opened
        case open
        /// `BYE` is under way.
        case leaving
        case closed(MartletError)
    }

    enum RequestKind {
        case hello, ordinary, bye
    }

    enum RequestAction {
        case send
        case refuse(Waiter, MartletError)
    }

    enum WelcomeAction {
        case greeted(Waiter)
        case limitsChanged
        case drop
    }

    enum ReplyAction {
        case deliver(Waiter)
        case drop
    }

    enum ErrorAction {
        case fail(Waiter, MartletError)
        case close([Waiter], MartletError)
        case drop
    }

    struct TickAction {
        /// They waited until their deadline.
        var expired: [Waiter]
        var next: Next

        enum Next {
            case nothing
            case ping
            case close([Waiter], MartletError)
        }
    }
}

extension MartletError {
    fileprivate static var leaving: MartletError {
        MartletError(.stopped, "the connection is being closed", isRetryable: true)
    }

    fileprivate static func silent(for idle: TimeAmount) -> MartletError {
        MartletError(
            .connectionLost, "the server has been silent for \(idle.nanoseconds / 1_000_000) ms",
            isRetryable: true)
    }
}
