import Broker
import Gateway
import NIOCore

/// Turns what stopped a server into an exit status and the sentence for its operator.
enum ServerFailure {
    static func explain(_ error: any Error) -> any Error {
        switch error {
        case BrokerFailure.unknownOutcome(let message): CommandFailure(.unknownOutcome, message)
        case BrokerFailure.damaged(let message): CommandFailure(.damaged, message)
        case BrokerFailure.cannotStart(let message): CommandFailure(.failed, message)
        case let error as IOError: CommandFailure(.failed, systemMessage(error.errnoCode))
        default: error
        }
    }
}
