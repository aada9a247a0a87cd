import Foundation
import MartletClient

/// A port on which nobody listens until the test does, and which no one else is given meanwhile.
///
/// Its socket is bound and never listens. A server whose socket also has `SO_REUSEADDR` may bind the port beside it.
final class ReservedPort: Sendable {
    let port: Int
    private let socket: Int32

    init() throws {
        socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var yes: Int32 = 1
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let socket = socket
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(socket, address, length) + getsockname(socket, address, &length)
            }
        }
        guard result == 0 else { throw CocoaError(.fileReadUnknown) }
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { close(socket) }

    var endpoint: MartletEndpoint { .martlet(host: "127.0.0.1", port: port) }
}
