import Foundation
import UnixSignals

/// Ctrl-C.
enum Interruption {
    /// From now on an interrupt ends the program at once, with the status that says so. For
    /// commands that hold nothing which needs cleaning up.
    static func endsProgram() {
        signal(SIGINT) { _ in _exit(ExitStatus.interrupted.rawValue) }
    }
}

/// Runs `body`; on SIGINT or SIGTERM cancels it, lets it clean up and then fails as interrupted.
func untilInterrupted<Result: Sendable>(
    _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    return try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            for await _ in signals { return nil }
            return nil
        }
        defer { group.cancelAll() }
        guard let result = try await group.next(), let result else {
            throw CommandFailure(.interrupted, nil)
        }
        return result
    }
}
