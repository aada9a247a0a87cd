import Engine

/// Somebody who is told what happens. Owned by the writer thread.
final class Watcher {
    unowned let peer: Peer
    /// The client's number of it.
    let number: UInt32
    let filter: EventFilter
    /// Offset of the last event that was looked at.
    var reached: UInt64
    /// Events that were dropped and of which it was not told.
    var missed: UInt64 = 0

    init(_ peer: Peer, number: UInt32, filter: EventFilter, reached: UInt64) {
        self.peer = peer
        self.number = number
        self.filter = filter
        self.reached = reached
    }
}
