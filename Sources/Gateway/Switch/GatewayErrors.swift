import MartletWire
import NIOCore

// What a gateway says itself; every other error is the broker's and passes through.

extension ErrorMessage {
    /// `UNAVAILABLE`, to a `HELLO`: the client is let go and may come back.
    static func noBroker(retryAfter: TimeAmount) -> ErrorMessage {
        .unavailable("the gateway has no broker now; come back later", retryAfter: retryAfter)
    }

    static func tooManyClients(limit: Int, retryAfter: TimeAmount) -> ErrorMessage {
        .unavailable(
            "the gateway has \(limit.grouped) clients, its limit; come back later or elsewhere",
            limit: limit, retryAfter: retryAfter)
    }

    static func stopping(retryAfter: TimeAmount) -> ErrorMessage {
        .unavailable("the gateway is going away; connect to another", retryAfter: retryAfter)
    }

    private static func unavailable(
        _ message: String, limit: Int = 0, retryAfter: TimeAmount
    ) -> ErrorMessage {
        ErrorMessage(
            WireError(
                .unavailable, retryAfterMilliseconds: UInt32(clamping: retryAfter.milliseconds),
                limit: UInt64(limit), actual: UInt64(limit), message))
    }
}

extension ClosingError {
    /// A gateway behind a gateway: what the broker would take for a link of its own.
    static func linkNotAllowed(_ header: FrameHeader) -> ClosingError {
        ClosingError(
            .badFrame, requestID: header.requestID,
            "a gateway serves clients, not links; connect the other gateway to the broker")
    }

    /// `CLOSE` from a client: it would pull the channel from under the gateway.
    static func closeNotAllowed(_ header: FrameHeader) -> ClosingError {
        ClosingError(
            .badFrame, requestID: header.requestID,
            "CLOSE is for links; a client ends with BYE or closes its connection")
    }
}
