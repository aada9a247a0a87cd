import MartletClient
import MartletWire

/// What people read about a job that failed.
enum FailureReason {
    /// The error's type and what it says of itself, at most ``Limits/reasonBytesMax`` bytes.
    static func text(of error: any Error) -> String {
        switch error {
        case let failure as SubprocessFailure: truncated(failure.description)
        case let error as MartletError: truncated(error.description)
        default: truncated("\(Swift.type(of: error)): \(error)")
        }
    }

    private static func truncated(_ text: String) -> String {
        text.truncated(toUTF8Bytes: Limits.reasonBytesMax)
    }
}

extension WireError {
    /// What the machine needs of it: the connection's own end reaches it as an event of its own.
    init(_ error: MartletError) {
        let code = ErrorCode(rawValue: error.code.rawValue)
        self.init(
            code.closes ? .internal : code, isRetryable: error.isRetryable,
            retryAfterMilliseconds: UInt32(
                clamping: Int((error.retryAfter ?? .zero) / .milliseconds(1))),
            error.message)
    }
}
