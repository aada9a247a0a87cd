import Foundation
import NIOCore

/// Why a gateway can't serve.
package struct GatewayFailure: Error, CustomStringConvertible {
    /// A sentence for people.
    package let description: String

    static func cannotListen(on address: GatewayConfiguration.Address, _ error: any Error)
        -> GatewayFailure
    {
        GatewayFailure(
            description: "cannot listen on \(address.host):\(address.port): \(reason(error))")
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        switch error.errnoCode {
        case EADDRINUSE: return "the port is in use"
        case EACCES: return "this user may not use the port"
        case EADDRNOTAVAIL: return "the address is not this machine's"
        default: return "\(error)"
        }
    }
}
