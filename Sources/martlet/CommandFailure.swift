import Bench
import MartletClient

/// Why a command ends without success: the status, and what to say.
struct CommandFailure: Error {
    let status: ExitStatus
    /// One sentence for people; `nil` when everything has been said already.
    let message: String?

    init(_ status: ExitStatus, _ message: String?) {
        self.status = status
        self.message = message
    }
}

extension CommandFailure {
    /// What any error means to whoever ran the command.
    init(_ error: any Error) {
        switch error {
        case let failure as CommandFailure: self = failure
        case BenchError.unreachable: self.init(.unreachable, "\(error)")
        case let error as BenchError where error.isUsage: self.init(.usage, "\(error)")
        case let error as MartletError: self.init(ExitStatus(error.code), error.message)
        default: self.init(.failed, "\(error)")
        }
    }
}

extension ExitStatus {
    /// The one place where an error's code becomes an exit status.
    init(_ code: MartletError.Code) {
        switch code {
        case .cannotConnect, .connectionLost, .unavailable, .draining: self = .unreachable
        case .timeout, .waitTimeout: self = .waitTimedOut
        case .notAuthenticated: self = .notPermitted
        case .jobNotFound, .queueNotFound, .jobIDInvalid, .actionNotFound,
            .dictionaryUnknown:
            self = .notFound
        case .jobNotFinished, .leaseLost, .jobFinished, .jobState, .queueNotEmpty, .uniqueTaken,
            .uniqueMismatch, .queueDraining, .dictionaryExists:
            self = .conflict
        case .jobFailed, .jobCancelled, .jobExpired: self = .jobFailed
        case .endpointInvalid, .queueNameInvalid, .typeInvalid, .optionInvalid, .cursorInvalid:
            self = .usage
        default: self = .failed
        }
    }
}
