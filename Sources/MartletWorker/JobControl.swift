import Synchronization

/// How a worker stops one handler among many, and how the handler learns why.
final class JobControl: Sendable {
    let checkpoints = CheckpointReceipts()
    private let state = Mutex(State())

    var reason: CancellationReason? { state.withLock { $0.reason } }

    /// The first reason stays.
    func cancel(_ reason: CancellationReason) {
        let waiter = state.withLock { state in
            if state.reason == nil { state.reason = reason }
            return state.waiter.take()
        }
        waiter?.resume()
        checkpoints.close()
    }

    /// Runs the operation in a task of its own, which is cancelled when ``cancel(_:)`` is called, or when
    /// the task that calls this is: then the whole worker is being stopped.
    func run<Result: Sendable>(
        _ operation: @escaping @Sendable () async -> Result
    ) async -> Result {
        await withTaskCancellationHandler {
            await race(operation)
        } onCancel: {
            cancel(.shutdown)
        }
    }

    private func race<Result: Sendable>(
        _ operation: @escaping @Sendable () async -> Result
    ) async -> Result {
        await withTaskGroup(of: Result?.self) { group in
            group.addTask { await operation() }
            group.addTask {
                await self.waitForCancellation()
                return nil
            }
            let first = await group.next()
            group.cancelAll()
            let second = await group.next()
            guard let result = (first ?? nil) ?? (second ?? nil) else {
                preconditionFailure("the operation returns once")
            }
            return result
        }
    }

    /// Returns once ``cancel(_:)`` was called, or when the waiting itself is cancelled.
    private func waitForCancellation() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    guard state.reason == nil, !state.isAbandoned else { return true }
                    state.waiter = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.isAbandoned = true
                return state.waiter.take()
            }
            waiter?.resume()
        }
    }

    private struct State {
        var reason: CancellationReason?
        var waiter: CheckedContinuation<Void, Never>?
        /// Nobody waits for a cancellation any more.
        var isAbandoned = false
    }
}
