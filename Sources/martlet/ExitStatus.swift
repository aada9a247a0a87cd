import Foundation

/// How the program ended. The numbers are part of its interface.
enum ExitStatus: Int32, CaseIterable {
    case ok = 0
    case failed = 1
    case waitTimedOut = 3
    case notPermitted = 4
    case notFound = 5
    case conflict = 6
    case jobFailed = 7
    case usage = 64
    /// A broker whose data contradicts itself (`EX_DATAERR`).
    case damaged = 65
    case unreachable = 69
    /// A broker whose write to its log or data file failed: what became of the last turn is not
    /// known before it is started again (`EX_IOERR`).
    case unknownOutcome = 74
    case interrupted = 130

    /// What the status means, for the help screen.
    var meaning: String {
        switch self {
        case .ok: "done"
        case .failed: "failed"
        case .waitTimedOut: "the wait timed out"
        case .notPermitted: "not permitted"
        case .notFound: "not found"
        case .conflict: "conflict"
        case .jobFailed: "the job ended in failure"
        case .usage: "wrong usage"
        case .damaged: "a broker's data is damaged; its message says where"
        case .unreachable: "cannot reach the server"
        case .unknownOutcome: "a broker's disk failed; start it again to recover"
        case .interrupted: "interrupted"
        }
    }

    /// All statuses with their meanings, a line each.
    static var table: String {
        "Exit status:\n"
            + allCases.map { status in
                let digits = String(status.rawValue)
                return String(repeating: " ", count: 5 - digits.count) + digits + "  "
                    + status.meaning
            }.joined(separator: "\n")
    }
}
