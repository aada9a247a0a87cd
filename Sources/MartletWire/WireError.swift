/// A refusal that answers one request, or one item of it, and leaves everything else as it was.
///
/// The other kind, after which the connection is closed, is `ClosingError`: a function's type says
/// which of the two it may throw, and both become an `ErrorMessage`.
package struct WireError: Error, Equatable, Sendable {
    package let code: ErrorCode
    /// The same request may succeed later.
    package let isRetryable: Bool
    /// When to try again; 0: no opinion.
    package let retryAfterMilliseconds: UInt32
    /// The limit that was broken and the value that broke it; both 0 where there was none.
    package let limit: UInt64
    package let actual: UInt64
    /// A sentence for people: what happened, the limit, what to try.
    package let message: String

    /// - Parameters:
    ///   - code: Must not be one that closes the connection.
    ///   - isRetryable: What the code says, when `nil`.
    package init(
        _ code: ErrorCode, isRetryable: Bool? = nil, retryAfterMilliseconds: UInt32 = 0,
        limit: UInt64 = 0, actual: UInt64 = 0, _ message: String
    ) {
        precondition(!code.closes, "\(code) closes the connection: use ClosingError")
        self.code = code
        self.isRetryable = isRetryable ?? code.isRetryable
        self.retryAfterMilliseconds = retryAfterMilliseconds
        self.limit = limit
        self.actual = actual
        self.message = message
    }
}

/// A refusal after which the connection is closed: framing was broken, or the peer may not be here.
package struct ClosingError: Error, Equatable, Sendable {
    package let code: ErrorCode
    /// The request id of the frame that broke the rules, or 0.
    package let requestID: UInt64
    /// The channel of that frame.
    package let channel: UInt16
    package let limit: UInt64
    package let actual: UInt64
    /// A sentence for people: what happened, the limit, what to try.
    package let message: String

    /// - Parameter code: Must be one that closes the connection.
    package init(
        _ code: ErrorCode, requestID: UInt64 = 0, channel: UInt16 = 0, limit: UInt64 = 0,
        actual: UInt64 = 0, _ message: String
    ) {
        precondition(code.closes, "\(code) does not close the connection: use WireError")
        self.code = code
        self.requestID = requestID
        self.channel = channel
        self.limit = limit
        self.actual = actual
        self.message = message
    }
}

extension WireError: CustomStringConvertible {
    package var description: String { "\(code): \(message)" }
}

extension ClosingError: CustomStringConvertible {
    package var description: String { "\(code): \(message)" }
}

extension BinaryInteger {
    /// The number as people read it: `734,003,200`.
    package var grouped: String {
        var result = ""
        let digits = String(magnitude)
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { result.append(",") }
            result.append(digit)
        }
        return self < 0 ? "-" + result : result
    }
}
