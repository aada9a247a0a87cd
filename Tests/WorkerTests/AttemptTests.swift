import Logging
import MartletWire
import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import MartletWorker

/// How one handler among many is stopped.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct AttemptTests {
    private let attempt = Attempt(
        DeliveredJob(
            key: JobKey(id: JobID(rawValue: 1), token: 1), queue: "q", type: "t",
            Delivery(
                fields: DeliveryFields(id: JobID(rawValue: 1), maxAttempts: 1, createdAt: 0),
                payload: .plain(ByteBuffer(string: "p")))),
        deadline: nil, resultBytesMax: 1_000, logger: .quiet, mailbox: Mailbox())

    @Test func `a handler that is cancelled may ask why, in the midst of it too`() async {
        let gate = Gate()
        let heard = Mutex<CancellationReason?>(nil)
        async let isCancelled = attempt.run {
            await withTaskCancellationHandler {
                await gate.wait()
                return Task.isCancelled
            } onCancel: {
                heard.withLock { $0 = attempt.reason }
            }
        }
        await gate.arrived()
        #expect(attempt.reason == nil)
        attempt.cancel(.timeout)
        attempt.cancel(.leaseLost)
        #expect(await isCancelled)
        #expect(heard.withLock { $0 } == .timeout)
        #expect(attempt.reason == .timeout)
    }

    @Test func `one that is cancelled before it begins is cancelled from the beginning`() async {
        attempt.cancel(.timeout)
        let isCancelled = await attempt.run { Task.isCancelled }
        #expect(isCancelled)
    }

    @Test func `a task whose handler has ended is not cancelled`() async {
        let task = Task { [attempt] in
            await attempt.run {}
            attempt.cancel(.timeout)
            return Task.isCancelled
        }
        #expect(await !task.value)
    }

    @Test func `a task that is cancelled means that the worker is being stopped`() async {
        let gate = Gate()
        let task = Task { [attempt] in
            await attempt.run {
                await gate.wait()
                return attempt.reason
            }
        }
        await gate.arrived()
        task.cancel()
        #expect(await task.value == .shutdown)
    }

    @Test func `who waits for a checkpoint is cancelled before the wait is over`() async {
        async let wasCancelled = attempt.run {
            try? await attempt.checkpoints.wait(for: attempt.checkpoints.makeNumber())
            return Task.isCancelled
        }
        attempt.cancel(.leaseLost)
        #expect(await wasCancelled)
    }

    @Test func `no checkpoint is waited for when it is over`() async {
        attempt.close()
        await #expect(throws: CancellationError.self) {
            try await attempt.checkpoints.wait(for: attempt.checkpoints.makeNumber())
        }
        #expect(attempt.reason == nil)
    }
}
