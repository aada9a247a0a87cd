import Synchronization

/// Events from any task for one that takes them all at once, in order: what happened together is
/// answered together, and a wake-up is paid once.
final class Mailbox<Event: Sendable>: Sendable {
    private let state = Mutex(State())

    func post(_ event: Event) {
        let taker = state.withLock { state in
            state.events.append(event)
            return state.taker.take()
        }
        taker?.resume()
    }

    /// Waits until there is something. For one task only.
    func take() async -> [Event] {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                precondition(state.taker == nil, "a mailbox has one reader")
                guard state.events.isEmpty else { return true }
                state.taker = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
        return state.withLock { state in
            let events = state.events
            state.events.removeAll()
            return events
        }
    }

    private struct State {
        var events: [Event] = []
        var taker: CheckedContinuation<Void, Never>?
    }
}
