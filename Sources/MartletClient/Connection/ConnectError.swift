import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension MartletError {
    /// A connection could not be made; the sentence says why in words.
    static func cannotConnect(to endpoint: MartletEndpoint, _ error: any Error) -> MartletError {
        let reason = words(for: error)
        return MartletError(
            .cannotConnect, "cannot reach \(endpoint): \(reason). Is the server running?",
            isRetryable: true, underlyingError: error)
    }

    static func words(for error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first { return words(for: first.error) }
            return "host \(error.host) is not known"
        case let error as IOError:
            return words(forErrno: error.errnoCode)
        case ChannelError.connectTimeout:
            return "no answer in time"
        case ChannelError.ioOnClosedChannel:
            return "it was closed"
        default:
            return "\(error)"
        }
    }

    private static func words(forErrno code: CInt) -> String {
        switch code {
        case ECONNREFUSED: "connection refused"
        case ETIMEDOUT: "no answer in time"
        case EHOSTUNREACH: "no route to the host"
        case ENETUNREACH: "no route to the network"
        default: String(cString: strerror(code))
        }
    }
}
