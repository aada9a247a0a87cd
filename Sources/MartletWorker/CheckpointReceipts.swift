import MartletClient
import Synchronization

/// Who waits until the server has a checkpoint of one attempt.
///
/// A newer checkpoint takes the place of one that was not sent yet: its answer is the older one's too.
final class CheckpointReceipts: Sendable {
    private let state = Mutex(State())

    /// The number of the next checkpoint, beginning with 1.
    func makeNumber() -> UInt64 {
        state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
    }

    /// Returns once the server has this checkpoint, or a newer one.
    ///
    /// - Throws: why the server did not take it; `CancellationError` when the task is cancelled or the
    ///   attempt is over.
    func wait(for number: UInt64) async throws {
        let answer = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let known: Answer? = state.withLock { state in
                    if let answer = state.answer(to: number) { return answer }
                    state.waiters[number] = continuation
                    return nil
                }
                if let known { continuation.resume(returning: known) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.cancelled.insert(number)
                return state.waiters.removeValue(forKey: number)
            }
            waiter?.resume(returning: .failure(CancellationError()))
        }
        try answer.get()
    }

    /// The server took this checkpoint, or said why not.
    func answered(_ number: UInt64, _ error: MartletError?) {
        let answer: Answer = error.map { .failure($0) } ?? .success(())
        let waiters = state.withLock { state in
            state.last = (number, answer)
            let ready = state.waiters.filter { $0.key <= number }
            for number in ready.keys { state.waiters[number] = nil }
            return ready
        }
        for waiter in waiters.values { waiter.resume(returning: answer) }
    }

    /// The attempt is over: no answer matters any more.
    func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            defer { state.waiters.removeAll() }
            return state.waiters
        }
        for waiter in waiters.values { waiter.resume(returning: .failure(CancellationError())) }
    }

    private typealias Answer = Result<Void, any Error>

    private struct State {
        var lastNumber: UInt64 = 0
        var last: (number: UInt64, answer: Answer)?
        var waiters: [UInt64: CheckedContinuation<Answer, Never>] = [:]
        /// Those whose task was cancelled before it waited.
        var cancelled: Set<UInt64> = []
        var isClosed = false

        func answer(to number: UInt64) -> Answer? {
            if let last, number <= last.number { return last.answer }
            return isClosed || cancelled.contains(number) ? .failure(CancellationError()) : nil
        }
    }
}
