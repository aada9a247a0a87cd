package import MartletWire

extension MartletError.Code: CustomStringConvertible {
    /// The name in the protocol's document, or in the same style one of this library's, such as
    /// `CANNOT_CONNECT`.
    public var description: String {
        Self.names[self] ?? ErrorCode(rawValue: rawValue).name
    }

    private static let names: [Self: String] = [
        .cannotConnect: "CANNOT_CONNECT",
        .connectionLost: "CONNECTION_LOST",
        .timeout: "TIMEOUT",
        .cancelled: "CANCELLED",
        .stopped: "STOPPED",
        .endpointInvalid: "ENDPOINT_INVALID",
        .jobIDInvalid: "JOB_ID_INVALID",
        .protocolViolation: "PROTOCOL_VIOLATION",
        .codingFailed: "CODING_FAILED",
        .jobFailed: "JOB_FAILED",
        .jobCancelled: "JOB_CANCELLED",
        .jobExpired: "JOB_EXPIRED",
        .jobNotFinished: "JOB_NOT_FINISHED",
        .outcomeUnknown: "OUTCOME_UNKNOWN",
    ]
}

extension MartletError {
    package init(_ error: WireError) {
        self.init(
            Code(rawValue: error.code.rawValue), error.message, isRetryable: error.isRetryable,
            retryAfter: .orNil(milliseconds: error.retryAfterMilliseconds),
            limit: error.limit.orNil, actual: error.limit == 0 ? error.actual.orNil : error.actual)
    }

    package init(_ error: ErrorMessage) {
        self.init(
            Code(rawValue: error.code.rawValue), error.message, isRetryable: error.isRetryable,
            retryAfter: .orNil(milliseconds: error.retryAfterMilliseconds),
            limit: error.limit.orNil, actual: error.limit == 0 ? error.actual.orNil : error.actual)
    }

    package init(_ error: ClosingError) {
        self.init(ErrorMessage(error))
    }

    /// The server sent what this library does not understand.
    package static func violation(_ error: WireError) -> MartletError {
        MartletError(
            .protocolViolation, "the server's message is not understood: \(error.message)",
            underlyingError: error)
    }
}

extension UInt64 {
    /// In the protocol, 0 stands for "none".
    fileprivate var orNil: UInt64? { self == 0 ? nil : self }
}

extension Duration? {
    fileprivate static func orNil(milliseconds: UInt32) -> Duration? {
        milliseconds == 0 ? nil : .milliseconds(milliseconds)
    }
}
