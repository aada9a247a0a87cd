import Synchronization

/// Holds back tasks until as many as are expected have come and somebody opens it.
final class Gate: Sendable {
    private let state: Mutex<State>

    private struct State {
        var missing: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
        var observer: CheckedContinuation<Void, Never>?
    }

    init(awaiting count: Int) { state = Mutex(State(missing: count)) }

    /// Returns once the gate is open.
    func pass() async {
        await withCheckedContinuation { continuation in
            let observer = state.withLock { state in
                state.waiting.append(continuation)
                state.missing -= 1
                return state.missing == 0 ? state.observer : nil
            }
            observer?.resume()
        }
    }

    /// Returns once all have come.
    func waitForAll() async {
        await withCheckedContinuation { continuation in
            let isComplete = state.withLock { state in
                state.observer = continuation
                return state.missing == 0
            }
            if isComplete { continuation.resume() }
        }
    }

    func open() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
