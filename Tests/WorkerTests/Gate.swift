import Synchronization

/// Handlers wait here until the test lets them go on; the test waits here until one has come.
final class Gate: Sendable {
    private let arrivals: AsyncStream<Void>
    private let arrival: AsyncStream<Void>.Continuation
    private let state = Mutex(State())

    init() {
        (arrivals, arrival) = AsyncStream.makeStream()
    }

    /// The most handlers that were here at a time.
    var most: Int { state.withLock { $0.most } }

    /// In a handler: says that it is here, then waits. Returns early when its task is cancelled.
    func wait() async {
        let number = state.withLock { $0.enter() }
        arrival.yield()
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mayPass = state.withLock { $0.mayPass(number, continuation) }
                if mayPass { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.cancel(number) }?.resume()
        }
        state.withLock { $0.here -= 1 }
    }

    /// In the test: waits until the next handler is here.
    func arrived() async {
        for await _ in arrivals { return }
    }

    /// Lets one handler pass, the present or the next.
    func open() {
        state.withLock { $0.open() }?.resume()
    }

    private struct State {
        var here = 0
        var most = 0
        private var entered = 0
        private var passes = 0
        private var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
        /// Cancelled before they waited.
        private var cancelled: Set<Int> = []

        mutating func enter() -> Int {
            here += 1
            most = max(most, here)
            entered += 1
            return entered
        }

        mutating func mayPass(_ number: Int, _ continuation: CheckedContinuation<Void, Never>)
            -> Bool
        {
            if cancelled.remove(number) != nil { return true }
            guard passes == 0 else {
                passes -= 1
                return true
            }
            waiting[number] = continuation
            return false
        }

        mutating func cancel(_ number: Int) -> CheckedContinuation<Void, Never>? {
            if let continuation = waiting.removeValue(forKey: number) { return continuation }
            cancelled.insert(number)
            return nil
        }

        mutating func open() -> CheckedContinuation<Void, Never>? {
            guard let first = waiting.keys.min() else {
                passes += 1
                return nil
            }
            return waiting.removeValue(forKey: first)
        }
    }
}
