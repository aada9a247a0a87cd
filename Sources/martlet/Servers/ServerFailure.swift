import Broker
import Foundation
import Gateway
import NIOCore

/// Turns what stopped a server into an exit status and the sentence for its operator.
enum ServerFailure {
    static func explain(_ error: any Error) -> any Error {
        switch error {
        case BrokerFailure.unknownOutcome(let message): CommandFailure(.unknownOutcome, message)
        case BrokerFailure.damaged(let message): CommandFailure(.damaged, message)
        case BrokerFailure.cannotStart(let message): CommandFailure(.failed, message)
        case let failure as ListenFailure: explain(failure)
        default: error
        }
    }

    private static func explain(_ failure: ListenFailure) -> any Error {
        guard let error = failure.cause as? IOError else { return failure.cause }
        let addresses = failure.addresses.map(\.description).joined(separator: " or ")
        let advice =
            switch error.errnoCode {
            case EADDRINUSE: " Is another server running? --listen and --http choose other ports."
            case EACCES: " Ports below 1024 take root."
            case EADDRNOTAVAIL: " This machine has no such address."
            default: ""
            }
        return CommandFailure(
            .failed, "cannot listen on \(addresses): \(systemMessage(error.errnoCode)).\(advice)")
    }
}

/// One of these addresses could not be bound.
struct ListenFailure: Error {
    let addresses: [ListenAddress]
    let cause: any Error
}
