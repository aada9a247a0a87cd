import NIOCore
import Synchronization

@testable import MartletWorker

/// A clock that stands still until a test moves it.
final class ManualClock: Sendable {
    private let state = Mutex(State())

    var workerClock: WorkerClock {
        WorkerClock(
            now: { self.state.withLock { $0.now } },
            sleep: { await self.sleep(until: $0) })
    }

    func advance(_ time: TimeAmount) {
        let due = state.withLock { state in
            state.now = state.now + time
            let due = state.sleepers.filter { $0.value.deadline <= state.now }
            for number in due.keys { state.sleepers[number] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }

    private func sleep(until deadline: NIODeadline) async {
        let number = state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    guard deadline > state.now, state.abandoned.remove(number) == nil else {
                        return true
                    }
                    state.sleepers[number] = Sleeper(deadline: deadline, continuation: continuation)
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                let sleeper = state.sleepers.removeValue(forKey: number)
                if sleeper == nil { state.abandoned.insert(number) }
                return sleeper
            }
            sleeper?.continuation.resume()
        }
    }

    private struct State {
        var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
        var sleepers: [Int: Sleeper] = [:]
        /// Cancelled before they slept.
        var abandoned: Set<Int> = []
        var nextNumber = 0
    }

    private struct Sleeper {
        let deadline: NIODeadline
        let continuation: CheckedContinuation<Void, Never>
    }
}
