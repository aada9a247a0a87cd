import MartletClient
import MartletWire

/// What the server hears of an error that a handler threw.
enum FailureReport {
    static func failure(of error: any Error) -> MartletWire.JobFailure {
        guard let failure = error as? JobFailure else {
            return report(text(of: error), name(of: error))
        }
        var report = report(failure.reason, failure.errorClass)
        report.discards = failure.discards
        report.retryAfterMilliseconds = failure.retryAfter.map {
            UInt64(min($0 / .milliseconds(1), Double(Limits.delayMillisecondsMax)))
        }
        return report
    }

    /// - Parameter errorClass: groups the dead jobs, together with the message less its numbers.
    static func report(_ message: String, _ errorClass: String) -> MartletWire.JobFailure {
        let message = message.truncated(toUTF8Bytes: Limits.reasonBytesMax)
        let errorClass = errorClass.truncated(toUTF8Bytes: Limits.errorClassBytesMax)
        return MartletWire.JobFailure(
            message, errorClass: errorClass,
            fingerprint: ErrorFingerprint.of(errorClass: errorClass, message: message))
    }

    /// The error's type and what it says of itself.
    static func text(of error: any Error) -> String {
        switch error {
        case let failure as SubprocessFailure: failure.description
        case let error as MartletError: error.description
        default: "\(Swift.type(of: error)): \(error)"
        }
    }

    /// The error's type, or what else tells it from others.
    static func name(of error: any Error) -> String {
        switch error {
        case let failure as SubprocessFailure: failure.name
        case let error as MartletError: error.code.description
        default: "\(Swift.type(of: error))"
        }
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
