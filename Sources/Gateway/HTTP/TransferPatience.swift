import NIOCore

/// How long a client may take for the body of a request, or to take the response, as a machine: what
/// happens comes in, and when patience is over comes out.
///
/// Only the time in which the gateway waits for the client counts, and each kilobyte that moves buys
/// some more: a slow network is served, a client that holds a connection and its memory is not.
struct TransferPatience {
    private let limits: GatewayLimits
    private var request: Transfer?
    private var response: Transfer?
    /// Parts of the response that the network has not taken.
    private var writesUnderWay = 0

    /// One body on its way.
    private struct Transfer {
        /// The time that is left, not counting the wait that is under way.
        var left: TimeAmount
        /// Since when the client is waited for.
        var waitingSince: NIODeadline?

        var deadline: NIODeadline? { waitingSince.map { $0 + left } }

        mutating func moved(_ bytes: Int, rate: Int, now: NIODeadline) {
            if let since = waitingSince { left = left - (now - since) }
            waitingSince = nil
            left = left + .nanoseconds(Int64(bytes) * 1_000_000_000 / Int64(rate))
        }
    }

    init(limits: GatewayLimits) {
        self.limits = limits
    }

    /// When to look again; `nil`: nobody is waited for.
    var deadline: NIODeadline? {
        [request?.deadline, response?.deadline].compactMap(\.self).min()
    }

    /// What patience is over with.
    enum Expiry {
        case none
        /// The body of a request that has no response yet.
        case request
        case response
    }

    func expired(now: NIODeadline) -> Expiry {
        if let deadline = response?.deadline, deadline <= now { return .response }
        guard let deadline = request?.deadline, deadline <= now else { return .none }
        return response == nil ? .request : .response
    }

    // MARK: The request

    mutating func requestBegan() {
        request = Transfer(left: limits.httpTransferTime)
    }

    /// The gateway wants more of the body.
    mutating func readAsked(now: NIODeadline) {
        if request?.waitingSince == nil { request?.waitingSince = now }
    }

    mutating func bodyCame(_ bytes: Int, now: NIODeadline) {
        request?.moved(bytes, rate: limits.httpBytesPerSecondMin, now: now)
    }

    mutating func requestEnded() {
        request = nil
    }

    // MARK: The response

    mutating func responseBegan(now: NIODeadline) {
        response = Transfer(left: limits.httpTransferTime, waitingSince: now)
    }

    mutating func bodyWritten(_ bytes: Int, now: NIODeadline) {
        response?.moved(bytes, rate: limits.httpBytesPerSecondMin, now: now)
        response?.waitingSince = now
        writesUnderWay += 1
    }

    /// The network has taken a part. With nothing on its way, the gateway is who is waited for: events
    /// come when they come.
    mutating func bodyTaken(now: NIODeadline) {
        writesUnderWay -= 1
        if writesUnderWay == 0 { response?.moved(0, rate: limits.httpBytesPerSecondMin, now: now) }
    }

    /// The network has taken all of it.
    mutating func responseEnded() {
        response = nil
    }
}
