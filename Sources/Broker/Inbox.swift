import NIOConcurrencyHelpers
import NIOCore
import Synchronization

/// What event loops hand to the writer.
enum Arrival: Sendable {
    case opened(ConnectionID, Port)
    /// Runs of whole frames, in the order they came.
    case frames(ConnectionID, [ByteBuffer])
    case closed(ConnectionID)
    /// The connection has sent so many bytes of events, by channel.
    case eventsSent(ConnectionID, [UInt16: Int])
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

/// The way from the event loops to the one whose thread is the writer. A lock is taken once per batch
/// of frames, and that loop is woken once for all that waits.
final class Inbox: Sendable {
    let loop: any EventLoop
    private let state = NIOLockedValueBox(State())
    private let turn: NIOLoopBoundBox<Turns?>

    private struct State {
        var arrivals: [Arrival] = []
        /// The loop has been told, and has not looked yet.
        var isAnnounced = false
    }

    /// - Parameter loop: The writer's.
    init(loop: any EventLoop) {
        self.loop = loop
        turn = .makeEmptyBox(valueType: Turns.self, eventLoop: loop)
    }

    /// Who takes turns on the writer's loop.
    struct Turns {
        /// Something has arrived.
        let take: () -> Void
        /// Takes a turn as soon as one may be taken.
        let whenTaken: () -> EventLoopFuture<Void>
    }

    /// Whom arrivals are announced to; nil: to nobody any more. On the writer's loop only.
    func announce(to turns: Turns?) { turn.value = turns }

    func append(_ arrival: Arrival) {
        let isFirst = state.withLockedValue { state in
            state.arrivals.append(arrival)
            defer { state.isAnnounced = true }
            return !state.isAnnounced
        }
        guard isFirst else { return }
        loop.execute { self.turn.value?.take() }
    }

    /// Has the loop take a turn, whether something has arrived or not; returns after it.
    func takeTurn() async throws {
        try await loop.flatSubmit {
            self.turn.value?.whenTaken() ?? self.loop.makeSucceededVoidFuture()
        }.get()
    }

    /// Moves everything that waits to the end of `batch`.
    func drain(into batch: inout [Arrival]) {
        state.withLockedValue { state in
            if batch.isEmpty {
                swap(&batch, &state.arrivals)
            } else {
                batch += state.arrivals
                state.arrivals.removeAll(keepingCapacity: true)
            }
            state.isAnnounced = false
        }
    }
}
