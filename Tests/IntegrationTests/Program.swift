import Foundation
import Testing

/// The built program, run once with some arguments.
enum Program {
    /// Beside the test runner, where the build puts both; or what MARTLET_PROGRAM names.
    static let path: String = {
        if let path = ProcessInfo.processInfo.environment["MARTLET_PROGRAM"] { return path }
        let runner = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        return runner.deletingLastPathComponent().appending(path: "martlet").path
    }()

    struct Outcome: Sendable, CustomStringConvertible {
        let status: Int32
        let output: [UInt8]
        let errors: String

        var text: String { String(decoding: output, as: UTF8.self) }
        var lines: [String] { text.split(separator: "\n").map(String.init) }
        var description: String { "status \(status), output \(text.prefix(500)), errors \(errors)" }
    }

    /// Runs to the end; kills what takes longer than `patience`.
    static func run(
        _ arguments: String..., input: [UInt8] = [], environment: [String: String] = [:],
        patience: TimeInterval = 30
    ) async throws -> Outcome {
        try await run(arguments, input: input, environment: environment, patience: patience)
    }

    static func run(
        _ arguments: [String], input: [UInt8] = [], environment: [String: String] = [:],
        patience: TimeInterval = 30
    ) async throws -> Outcome {
        let child = try ChildProcess(arguments, environment: environment)
        return try await blocking {
            let feeder = Thread { child.feed(input) }
            feeder.start()
            child.waitUntilExit(patience: patience)
            return Outcome(
                status: child.status, output: child.output.bytes(),
                errors: child.saidOnErrors)
        }
    }

    /// What the program inherits, without settings for other servers.
    static func environment(_ additions: [String: String]) -> [String: String] {
        let inherited = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("MARTLET_") }
        return inherited.merging(additions) { _, new in new }
    }
}
