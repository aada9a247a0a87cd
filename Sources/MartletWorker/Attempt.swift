import Logging
import MartletClient
import Synchronization

/// One handler at work on one delivery: what it may know, and how it is stopped among many.
final class Attempt: Sendable {
    let job: DeliveredJob
    /// When the handler will be cancelled for taking too long; nil: never.
    let deadline: ContinuousClock.Instant?
    let resultBytesMax: Int
    /// The worker's.
    let logger: Logger

    private let mailbox: Mailbox<WorkerEvent>
    private let state = Mutex(State())
    /// The handler's task while it runs. Nothing else is asked for while this is held: cancelling a task calls what
    /// its handler wants to be called then.
    private let task = Mutex<RunningTask?>(nil)

    init(
        _ job: DeliveredJob, deadline: ContinuousClock.Instant?, resultBytesMax: Int,
        logger: Logger, mailbox: Mailbox<WorkerEvent>
    ) {
        self.job = job
        self.deadline = deadline
        self.resultBytesMax = resultBytesMax
        self.logger = logger
        self.mailbox = mailbox
    }

    /// Why the handler is to stop; nil: it is not. A task that is cancelled before it is said why is one
    /// of a worker that is being stopped.
    var reason: CancellationReason? {
        if let said { return said }
        let isCancelled = task.withLock { $0?.task.isCancelled ?? false }
        return isCancelled ? said ?? .shutdown : nil
    }

    private var said: CancellationReason? { state.withLock { $0.reason } }

    /// Made for the handler that asks: most never do.
    var checkpoints: CheckpointReceipts {
        state.withLock { state in
            if let receipts = state.checkpoints { return receipts }
            let receipts = CheckpointReceipts()
            if state.isOver { receipts.close() }
            state.checkpoints = receipts
            return receipts
        }
    }

    /// What the handler says of its job.
    func report(_ note: Note) { mailbox.post(.noted(job.key, note)) }

    /// The first reason stays.
    func cancel(_ reason: CancellationReason) {
        say(reason)
        task.withLock { $0?.task.cancel() }
        close()
    }

    private func say(_ reason: CancellationReason) {
        state.withLock { state in
            if state.reason == nil { state.reason = reason }
        }
    }

    /// No checkpoint is answered any more.
    func close() {
        let checkpoints = state.withLock { state in
            state.isOver = true
            return state.checkpoints
        }
        checkpoints?.close()
    }

    /// Runs the operation in the task that calls this, which is cancelled when ``cancel(_:)`` is called.
    ///
    /// No task of its own, and no task group: either would cost as much again as all the rest of a short job.
    func run<Result: Sendable>(_ operation: @Sendable () async -> Result) async -> Result {
        await withUnsafeCurrentTask { current in
            task.withLock { $0 = current.map { RunningTask(task: $0) } }
            defer { task.withLock { $0 = nil } }
            if said != nil { current?.cancel() }
            return await withTaskCancellationHandler {
                await operation()
            } onCancel: {
                say(.shutdown)
                close()
            }
        }
    }

    private struct State {
        var reason: CancellationReason?
        var isOver = false
        var checkpoints: CheckpointReceipts?
    }
}

/// Of a task that goes on, and may be cancelled from another one: `Attempt` has it for no longer, under a lock.
private struct RunningTask: @unchecked Sendable {
    let task: UnsafeCurrentTask
}
