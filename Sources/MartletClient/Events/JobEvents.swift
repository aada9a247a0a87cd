import NIOCore

/// Events as they happen, over as many connections as it takes.
///
/// A loop over it begins to watch when it asks for the first event, and ends to when it is left.
/// What is not taken is kept for a while: 8,192 events here, and 65,536 by the server;
/// ``JobEvents/Event/missed`` tells what was dropped.
public struct JobEvents: AsyncSequence, Sendable {
    public typealias Element = JobEvents.Event
    public typealias Failure = MartletError

    let client: MartletClient
    let filter: EventFilter
    /// Offset of the last event seen; 0: from now.
    let after: UInt64
    /// The sequence ends with the filter's job.
    let endsWithJob: Bool

    public func makeAsyncIterator() -> Iterator {
        Iterator(sequence: self)
    }

    public struct Iterator: AsyncIteratorProtocol {
        let sequence: JobEvents
        private var watch: WatchToken?
        private var isOver = false

        init(sequence: JobEvents) {
            self.sequence = sequence
        }

        public mutating func next() async throws(MartletError) -> JobEvents.Event? {
            guard !isOver else { return nil }
            let watch = try await open()
            let event = try await watch.reconnector.nextEvent(of: watch.number)
            isOver = event.map { sequence.endsWithJob && $0.endsItsJob } ?? true
            if isOver { self.watch = nil }
            return event
        }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(MartletError) -> JobEvents.Event? {
            try await next()
        }

        private mutating func open() async throws(MartletError) -> WatchToken {
            if let watch { return watch }
            let reconnector = sequence.client.reconnector
            let number = try await reconnector.openWatch(
                sequence.filter, after: sequence.after, endsWithJob: sequence.endsWithJob)
            let token = WatchToken(reconnector: reconnector, number: number)
            watch = token
            return token
        }
    }
}

/// Ends the watch when nobody iterates any more.
private final class WatchToken: Sendable {
    let reconnector: Reconnector
    let number: UInt32

    init(reconnector: Reconnector, number: UInt32) {
        self.reconnector = reconnector
        self.number = number
    }

    deinit {
        reconnector.eventLoop.execute { [reconnector, number] in
            reconnector.assumeIsolated { $0.closeWatch(number) }
        }
    }
}

/// What a job's handlers say of how far they are.
public struct JobProgressUpdates: AsyncSequence, Sendable {
    public typealias Element = JobStatus.Progress
    public typealias Failure = MartletError

    /// Of one job, progress among them.
    let events: JobEvents
    let job: JobStatus.ID

    public func makeAsyncIterator() -> Iterator {
        Iterator(sequence: self, events: events.makeAsyncIterator())
    }

    public struct Iterator: AsyncIteratorProtocol {
        let sequence: JobProgressUpdates
        var events: JobEvents.Iterator
        private var hasLooked = false

        init(sequence: JobProgressUpdates, events: JobEvents.Iterator) {
            self.sequence = sequence
            self.events = events
        }

        public mutating func next() async throws(MartletError) -> JobStatus.Progress? {
            if !hasLooked {
                hasLooked = true
                let status = try await sequence.events.client.status(of: sequence.job)
                if let progress = status.progress { return progress }
            }
            while let event = try await events.next() {
                if let progress = event.progress { return progress }
            }
            return nil
        }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(MartletError) -> JobStatus.Progress? {
            try await next()
        }
    }
}
