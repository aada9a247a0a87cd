import Foundation

/// What a command says of its job while it runs, one line each:
///
/// - `progress 0.5 decoded`: how far it is, 0 … 1, and a message.
/// - `log TEXT`: a line of the job's log.
/// - `checkpoint BASE64`: a place to go on from, for the next attempt; `checkpoint @PATH`: the same
///   from a file; `checkpoint` alone: there is none any more.
enum ControlLine: Equatable, Sendable {
    case progress(Double, String)
    case log(String)
    case checkpoint(Data)

    /// The longest line: a checkpoint in base 64.
    static let bytesMax = 96 << 10

    /// nil when it is none of these.
    init?(_ line: some StringProtocol) {
        let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        let rest = parts.count == 2 ? String(parts[1]) : ""
        switch parts[0] {
        case "progress": self.init(progress: rest)
        case "log": self = .log(rest)
        case "checkpoint": self.init(checkpoint: rest)
        default: return nil
        }
    }

    private init?(progress rest: String) {
        let parts = rest.split(separator: " ", maxSplits: 1)
        guard let first = parts.first, let fraction = Double(first) else { return nil }
        self = .progress(fraction, parts.count == 2 ? String(parts[1]) : "")
    }

    private init?(checkpoint rest: String) {
        guard rest.hasPrefix("@") else {
            guard let bytes = Data(base64Encoded: rest) else { return nil }
            self = .checkpoint(bytes)
            return
        }
        guard let bytes = FileManager.default.contents(atPath: String(rest.dropFirst())) else {
            return nil
        }
        self = .checkpoint(bytes)
    }
}
