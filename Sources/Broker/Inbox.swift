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

    init() { lock = ConditionLock(value: false) }

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
