import NIOCore

/// Events of one watch that came and were not yet taken, bounded: a program that reads too slowly
/// loses the oldest, and is told how many.
struct EventBuffer {
    /// Some seconds of a busy server's events, in a few megabytes.
    static let capacity = 8_192

    private var events = CircularBuffer<JobEvents.Event>()
    /// Events dropped after the last one here.
    private var missed = 0
    /// Where to go on when the program comes back on another connection; 0: from then.
    private(set) var next: UInt64
    private let capacity: Int

    /// - Parameter after: offset of the last event seen; 0: from now.
    init(after: UInt64, capacity: Int = EventBuffer.capacity) {
        next = after
        self.capacity = capacity
    }

    /// - Parameter missed: events that the server dropped before these.
    mutating func append(_ new: some Sequence<JobEvents.Event>, missed: Int, next: UInt64) {
        self.next = next
        self.missed += missed
        for var event in new {
            event.missed = self.missed
            self.missed = 0
            events.append(event)
            if events.count > capacity { dropFirst() }
        }
    }

    mutating func popFirst() -> JobEvents.Event? {
        events.popFirst()
    }

    private mutating func dropFirst() {
        let dropped = events.removeFirst()
        events[events.startIndex].missed += dropped.missed + 1
    }
}
