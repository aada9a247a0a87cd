import Foundation

/// A program of the system.
enum Tool {
    struct Outcome: Sendable {
        let status: Int32
        /// What it wrote to standard output, and then to standard error.
        let text: String
    }

    /// Runs to the end; kills what takes longer than `patience`.
    static func run(
        _ path: String, _ arguments: [String], patience: TimeInterval = 120
    ) async throws -> Outcome {
        try await blocking {
            let child = try ChildProcess(arguments, program: path)
            child.closeInput()
            child.waitUntilExit(patience: patience)
            let bytes = child.output.bytes() + child.errors.bytes()
            return Outcome(status: child.status, text: String(decoding: bytes, as: UTF8.self))
        }
    }

    /// Runs what must succeed.
    static func succeed(_ path: String, _ arguments: String...) async throws {
        let outcome = try await run(path, arguments)
        guard outcome.status == 0 else { throw TestFailure("\(path) failed: \(outcome.text)") }
    }
}
