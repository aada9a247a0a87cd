import Engine
import MartletWire
import NIOCore
import Store

// What happens, for those who watch. Each watcher has a place in the engine's ring and reads on from it as
// its connection takes what it is sent: a slow one misses events and keeps nobody waiting.

extension BrokerLoop {
    /// Bytes of events that a client may have unsent; above that its watchers wait, and those of a gateway's
    /// other clients do not.
    static let eventBytesUnsentMax = 128 << 10
    /// Events in one push.
    private static let eventsPerPush = 256
    /// Events that one turn looks at, those that no watcher wants included.
    private static let eventsPerTurn: UInt64 = 131_072

    func watch(_ message: Watch, _ request: Request) throws {
        let peer = request.peer
        if !message.queue.isEmpty { try Names.check(queue: message.queue) }
        if peer.watchers[message.watch] != nil {
            endWatch(message.watch, of: peer)
        } else {
            guard peer.watchers.count < Limits.watchesMax else { throw WireError.tooManyWatches() }
        }
        let last = engine.watchEvents()
        let watcher = Watcher(
            peer, number: message.watch, filter: EventFilter(message),
            reached: message.after == 0 ? last : min(message.after, last))
        peer.watchers[message.watch] = watcher
        watchers.append(watcher)
        reply(Done(), to: request)
        // Whoever is cut off before the first event knows all the same where to go on.
        push(Events(watch: watcher.number, next: watcher.reached, events: []), to: peer)
    }

    func unwatch(_ message: Unwatch, _ request: Request) throws {
        guard request.peer.watchers[message.watch] != nil else {
            throw WireError.watchUnknown(message.watch)
        }
        endWatch(message.watch, of: request.peer)
        reply(Done(), to: request)
    }

    private func endWatch(_ number: UInt32, of peer: Peer) {
        guard let watcher = peer.watchers.removeValue(forKey: number) else { return }
        watchers.removeAll { $0 === watcher }
        engine.unwatchEvents()
    }

    func endWatches(of peer: Peer) {
        for number in Array(peer.watchers.keys) { endWatch(number, of: peer) }
    }

    // MARK: Pushes

    /// Pushes what has happened, as far as connections take it.
    /// - Returns: whether there is more for some that would take it now.
    func pushEvents() -> Bool {
        var budget = BrokerLoop.eventsPerTurn
        for index in watchers.indices {
            let watcher = watchers[index]
            while watcher.reached < engine.lastEvent, watcher.peer.takesEvents {
                guard budget > 0 else {
                    // Whoever did not have its turn is the first of the next.
                    watchers = Array(watchers[index...] + watchers[..<index])
                    return true
                }
                budget -= min(budget, engine.lastEvent - watcher.reached)
                pushSome(to: watcher)
            }
        }
        return false
    }

    private func pushSome(to watcher: Watcher) {
        var events: [MartletWire.JobEvent] = []
        let (reached, missed) = engine.readEvents(after: watcher.reached, watcher.filter) { event in
            events.append(jobEvent(event))
            return events.count < BrokerLoop.eventsPerPush ? .next : .stop
        }
        watcher.reached = reached
        watcher.missed += missed
        guard !events.isEmpty || watcher.missed > 0 else { return }
        let connection = watcher.peer.connection
        let before = connection.outbox.writerIndex
        push(
            Events(
                watch: watcher.number, next: reached, missed: watcher.missed, events: events),
            to: watcher.peer)
        let bytes = connection.outbox.writerIndex - before
        watcher.peer.eventBytesUnsent += bytes
        connection.eventBytesNew[watcher.peer.channel, default: 0] += bytes
        watcher.missed = 0
    }

    private func jobEvent(_ event: EngineEvent) -> MartletWire.JobEvent {
        var told = MartletWire.JobEvent(
            offset: event.offset, at: event.at, id: JobID(rawValue: event.id),
            state: event.state.map { MartletWire.JobState($0) },
            kind: .init(rawValue: event.kind.rawValue), attempt: event.attempt,
            queue: engine.name(of: event.queue), type: String(decoding: event.type, as: UTF8.self))
        let detail = String(decoding: event.detail, as: UTF8.self)
        if event.kind == .progress {
            told.progress = JobProgress(done: event.done, message: detail)
        } else if !detail.isEmpty {
            told.error = detail
        }
        if event.session != 0 {
            told.session = event.session
            told.worker = worker(of: event.session)
        }
        return told
    }
}

extension Peer {
    /// Whether so little is on its way that watchers may be told more.
    var takesEvents: Bool { eventBytesUnsent < BrokerLoop.eventBytesUnsentMax }
}

extension EventFilter {
    fileprivate init(_ watch: Watch) {
        self.init()
        job = watch.job?.rawValue
        queue = watch.queue.isEmpty ? nil : watch.queue
        states = watch.states.rawValue
        withProgress = watch.wantsProgress
        type = watch.type
        tag = watch.tag
    }
}
