/// Why a command did not complete its job; the description is the job's failure reason.
package enum SubprocessFailure: Error, Equatable, CustomStringConvertible {
    case notFound(program: String)
    case notStarted(program: String, cause: String)
    case noControlPipe(_ cause: String)
    case exited(status: Int32, complaint: String)
    case signalled(signal: Int32, complaint: String)
    case outputTooLong(limit: Int)

    package var description: String {
        switch self {
        case .notFound(let program): "cannot run \(program): no such program, or not executable"
        case .notStarted(let program, let cause): "cannot run \(program): \(cause)"
        case .noControlPipe(let cause): "cannot make the pipe for control lines: \(cause)"
        case .exited(let status, ""): "exit status \(status)"
        case .signalled(let signal, ""): "killed by signal \(signal)"
        case .exited(_, let complaint): complaint
        case .signalled(let signal, let complaint): "killed by signal \(signal): \(complaint)"
        case .outputTooLong(let limit):
            "the result is longer than the server's limit of \(limit) bytes (payload_bytes_max)"
        }
    }

    /// By which the dead are grouped.
    var name: String {
        switch self {
        case .notFound: "NotFound"
        case .notStarted: "NotStarted"
        case .noControlPipe: "NoControlPipe"
        case .exited(let status, _): "ExitStatus\(status)"
        case .signalled(let signal, _): "Signal\(signal)"
        case .outputTooLong: "OutputTooLong"
        }
    }
}
