import NIOConcurrencyHelpers
import NIOCore
import Synchronization

/// What event loops hand to the writer thread.
enum Arrival: Sendable {
    case opened(ConnectionID, Port)
    /// Runs of whole frames, in the order they came.
    case frames(ConnectionID, [ByteBuffer])
    case closed(ConnectionID)
    /// Clients are told to go; submissions are refused from now on.
    case drain
    case stop
}

/// Number of a connection, never used again.
struct ConnectionID: Hashable, Sendable {
    let value: UInt64
}

/// Gives out connections' numbers.
final class ConnectionIDs: Sendable {
    private let last = Atomic<UInt64>(0)

    func next() -> ConnectionID {
        ConnectionID(value: last.wrappingAdd(1, ordering: .relaxed).newValue)
    }
}

/// The way from the event loops to the writer thread. A lock is taken once per batch of frames.
final class Inbox: Sendable {
    private let lock: ConditionLock<Bool>
    /// Guarded by `lock`.
    private nonisolated(unsafe) var arrivals: [Arrival] = []

    /// Turns that were replied to. Only ever read to see that it has moved.
    private let turns = Atomic<UInt64>(0)

    init() { lock = ConditionLock(value: false) }

    /// The writer thread has handed a turn's replies to the event loops.
    func turnIsReplied() { turns.wrappingAdd(1, ordering: .releasing) }

    /// Hands over a lone small request, and stays awake for the turn that carries it out, at most
    /// `nanoseconds`: for a thread that goes to sleep here, being woken costs as much again as half an append.
    func appendAndWatch(_ arrival: Arrival, nanoseconds: Int64) {
        let before = turns.load(ordering: .acquiring)
        append(arrival)
        let end = NIODeadline.now() + .nanoseconds(nanoseconds)
        while turns.load(ordering: .acquiring) == before, NIODeadline.now() < end {}
    }

    func append(_ arrival: Arrival) {
        lock.lock()
        arrivals.append(arrival)
        lock.unlock(withValue: true)
    }

    /// Moves everything that waits into `batch`, which must be empty; waits for the first, `milliseconds` at most.
    func drain(into batch: inout [Arrival], waiting milliseconds: UInt64?) {
        if let milliseconds {
            guard lock.lock(whenValue: true, timeoutSeconds: Double(milliseconds) / 1_000) else {
                return
            }
        } else {
            lock.lock(whenValue: true)
        }
        swap(&batch, &arrivals)
        lock.unlock(withValue: false)
    }
}
