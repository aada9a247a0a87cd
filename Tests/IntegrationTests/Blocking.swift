import Foundation

/// Runs `body` on a thread of its own, as part of the task that calls: what it expects belongs to
/// the test. These tests wait for processes and sockets with blocking calls, and the threads that
/// tasks share are too few to be blocked.
func blocking<Result: Sendable>(
    _ body: @escaping @Sendable () throws -> Result
) async throws -> Result {
    try await withTaskExecutorPreference(ThreadPerJob.shared) { try await concurrently(body) }
}

@concurrent
private func concurrently<Result: Sendable>(
    _ body: @Sendable () throws -> Result
) async throws -> Result {
    try body()
}

private final class ThreadPerJob: TaskExecutor {
    static let shared = ThreadPerJob()

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        Thread.detachNewThread { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// Why a test cannot go on.
struct TestFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
