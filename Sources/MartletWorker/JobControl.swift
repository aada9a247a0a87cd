import Synchronization

/// How a worker stops one handler among many, and how the handler learns why.
final class JobControl: Sendable {
    let checkpoints = CheckpointReceipts()
    private let state = Mutex(State())

    var reason: CancellationReason? { state.withLock { $0.reason } }

    /// The first reason stays.
    func cancel(_ reason: CancellationReason) {
        let stop = state.withLock { state in
            if state.reason == nil { state.reason = reason }
            return state.stop
        }
        stop?()
        checkpoints.close()
    }

    /// Runs the operation in a task of its own, which is cancelled when ``cancel(_:)`` is called, or when
    /// the task that calls this is: then the whole worker is being stopped.
    ///
    /// No task group: one of its tasks can't be cancelled from outside without another that waits for that.
    func run<Result: Sendable>(
        _ operation: @escaping @Sendable () async -> Result
    ) async -> Result {
        let task = Task { await operation() }
        let isCancelled = state.withLock { state in
            state.stop = { task.cancel() }
            return state.reason != nil
        }
        if isCancelled { task.cancel() }
        defer { state.withLock { $0.stop = nil } }
        return await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            cancel(.shutdown)
        }
    }

    private struct State {
        var reason: CancellationReason?
        /// Cancels the operation's task while it runs.
        var stop: (@Sendable () -> Void)?
    }
}
