import MartletWire
import NIOCore

/// The life of a gateway's link to its broker as a machine; the clients on it are `ChannelTable`'s.
///
/// ```
///  down ──start──▶ connecting ──▶ greeting ──WELCOME──▶ up
///   ▲  ◀──────────────┴───────────────┴─────── broke ───┘
///   └── retry after a random time that grows with each attempt
/// ```
struct LinkMachine: ~Copyable {
    enum Action: Equatable {
        case none
        case connect
        /// Send preface and `HELLO`.
        case greet
        /// Clients may come in.
        case open(GatewayConnection.Terms)
        case ping
        /// Close the connection; `broke` follows.
        case close
        /// Come back with `retry` in that time.
        case wait(TimeAmount)
    }

    private enum State: Equatable {
        case down
        case connecting
        case greeting(since: NIODeadline)
        case up(Up)
        case stopped
    }

    private struct Up: Equatable {
        var terms: GatewayConnection.Terms
        var lastReceived: NIODeadline
        var nextPing: NIODeadline
    }

    private var state = State.down
    /// Connections that failed since the last good one.
    private var failures = 0
    private let limits: GatewayLimits

    init(limits: GatewayLimits) {
        self.limits = limits
    }

    /// What the broker agreed to; `nil` while the link is not up.
    var terms: GatewayConnection.Terms? {
        if case .up(let up) = state { up.terms } else { nil }
    }

    /// When `expired` wants to be called.
    var deadline: NIODeadline? {
        switch state {
        case .greeting(let since): since + limits.connectTimeout
        case .up(let up): min(up.nextPing, up.lastReceived + up.terms.idle)
        case .down, .connecting, .stopped: nil
        }
    }

    mutating func start() -> Action {
        guard state == .down else { return .none }
        state = .connecting
        return .connect
    }

    mutating func connected(now: NIODeadline) -> Action {
        guard state == .connecting else { return .close }
        state = .greeting(since: now)
        return .greet
    }

    /// `WELCOME` on channel 0: the first opens the link, a later one has new limits.
    mutating func welcomed(_ terms: GatewayConnection.Terms, now: NIODeadline) -> Action {
        switch state {
        case .greeting:
            failures = 0
            state = .up(
                Up(terms: terms, lastReceived: now, nextPing: now + terms.idle / 3))
            return .open(terms)
        case .up(var up):
            up.terms = terms
            state = .up(up)
            return .none
        case .down, .connecting, .stopped:
            return .none
        }
    }

    mutating func received(now: NIODeadline) {
        guard case .up(var up) = state else { return }
        up.lastReceived = now
        state = .up(up)
    }

    mutating func expired(now: NIODeadline) -> Action {
        guard let deadline, deadline <= now else { return .none }
        guard case .up(var up) = state, up.lastReceived + up.terms.idle > now else { return .close }
        up.nextPing = now + up.terms.idle / 3
        state = .up(up)
        return .ping
    }

    /// The connection ended, or could not be made. `chance` is a random number from 0 up to 1.
    mutating func broke(chance: Double) -> Action {
        guard state != .stopped else { return .none }
        state = .down
        failures += 1
        return .wait(delay(chance: chance))
    }

    mutating func stop() -> Action {
        guard state != .stopped else { return .none }
        state = .stopped
        return .close
    }

    /// Full jitter: anything between zero and a bound that doubles with each failure, so that many gateways do not come
    /// back to a restarted broker at once.
    private func delay(chance: Double) -> TimeAmount {
        let doublings = min(failures - 1, 20)
        let bound = min(
            limits.reconnectDelayMin.nanoseconds << Int64(doublings),
            limits.reconnectDelayMax.nanoseconds)
        return .nanoseconds(Int64(Double(bound) * chance))
    }
}
