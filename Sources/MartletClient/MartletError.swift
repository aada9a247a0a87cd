/// What went wrong, as a code for the program and a sentence for people.
///
/// Every call of this library throws this type and no other. Compare ``code`` with the constants of
/// ``Code``, and leave room for codes you don't know: a newer server may send others.
public struct MartletError: Error, Sendable {
    /// What kind of error this is.
    public var code: Code
    /// What happened, the number and the limit where there are any, and what to try.
    public var message: String
    /// The same call may succeed later. Calls have been repeated until their timeout when
    /// this reaches you.
    public var isRetryable: Bool
    /// The server's opinion on when a retry makes sense; nil when it has none.
    public var retryAfter: Duration?
    /// The limit that was broken, in the unit that the message names; nil when none was.
    public var limit: UInt64?
    /// The value that broke ``limit``.
    public var actual: UInt64?
    /// The error of the network or of a coder that led to this one.
    public var underlyingError: (any Error)?

    public init(
        _ code: Code,
        _ message: String,
        isRetryable: Bool = false,
        retryAfter: Duration? = nil,
        limit: UInt64? = nil,
        actual: UInt64? = nil,
        underlyingError: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.isRetryable = isRetryable
        self.retryAfter = retryAfter
        self.limit = limit
        self.actual = actual
        self.underlyingError = underlyingError
    }
}

extension MartletError: CustomStringConvertible {
    public var description: String {
        "\(code): \(message)"
    }
}
