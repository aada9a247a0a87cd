package import MartletWire

/// Why a run ended without figures.
package enum BenchError: Error, Equatable, Sendable {
    /// A flag's value is outside what it may be.
    case outOfRange(flag: String, value: Int, range: ClosedRange<Int>, limit: String? = nil)
    /// Flags that can't be together, or a file that can't be used.
    case invalidOption(String)
    /// Nobody answers at that address.
    case unreachable(host: String, port: Int, reason: String)
    case connectionClosed
    /// The server refused what a run can't do without.
    case refused(ErrorCode, message: String)
    /// The server broke the protocol or did less than it said.
    case misbehaved(String)
    /// No answer came for too long.
    case stalled(String)
    /// The broker of this run did not start or ended early.
    case brokerFailed(String)
    /// A system call failed.
    case system(String)

    /// Whether whoever started the run asked for what can't be.
    package var isUsage: Bool {
        switch self {
        case .outOfRange, .invalidOption: true
        default: false
        }
    }
}

extension BenchError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .outOfRange(let flag, let value, let range, let limit):
            "\(flag) is \(value.grouped), it may be \(range.lowerBound.grouped) to "
                + range.upperBound.grouped + (limit.map { " (\($0))" } ?? "")
        case .invalidOption(let sentence), .misbehaved(let sentence), .stalled(let sentence),
            .brokerFailed(let sentence), .system(let sentence):
            sentence
        case .unreachable(let host, let port, let reason):
            "cannot reach martlet://\(host):\(port): \(reason). Is the server running?"
        case .connectionClosed: "the server closed the connection in the middle of the run"
        case .refused(let code, let message): "the server refused: \(message) (\(code))"
        }
    }
}
