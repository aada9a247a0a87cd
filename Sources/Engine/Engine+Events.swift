package import Store

/// Which events a watcher wants. All of it must match; what is nil matches every event.
package struct EventFilter: Sendable, Equatable {
    package var job: UInt64?
    package var queue: String?
    /// Events that a job came into one of these states; bit n: state n. 0: all.
    package var states: UInt16 = 0
    package var withProgress = false
    package var type: String?
    package var tag: String?

    package init() {}
}

extension Engine {
    // MARK: Watching

    /// Somebody watches from now on. Balanced by `unwatchEvents`.
    /// - Returns: the offset of the last event so far.
    package func watchEvents() -> UInt64 {
        events.watch(now: stamp.now)
        return events.last
    }

    package func unwatchEvents() { events.unwatch(now: stamp.now) }

    /// Offset of the last event so far.
    package var lastEvent: UInt64 { events.last }

    /// Visits the events after an offset that match a filter, until `body` says stop.
    /// - Returns: the offset that was reached: where to go on; and how many events were dropped
    ///   before the first of these, matching or not.
    package func readEvents(
        after offset: UInt64, _ filter: EventFilter, _ body: (JobEvent) throws -> Scan
    ) rethrows -> (reached: UInt64, missed: UInt64) {
        let queue = filter.queue.map { knownQueue(named: $0)?.value ?? -1 }
        let tag = filter.tag.map { tag in
            var tag = tag
            return tag.withUTF8 { EventRing.tagHash(UnsafeRawBufferPointer($0)) }
        }
        return try events.read(after: offset) { entry, event in
            if let queue, entry.queue != queue { return .next }
            if let tag, !entry.hasTag(tag) { return .next }
            return filter.matches(event) ? try body(event) : .next
        }
    }

    // MARK: Recording

    /// Tells those who watch what happened to a job.
    /// - Parameter state: the one that it came into; nil when it is gone.
    @inline(__always)
    func tell(
        _ kind: EventKind, _ id: UInt64, _ row: JobRow, _ state: JobState?, session: UInt64 = 0,
        done: UInt16 = 0, detail: UnsafeRawBufferPointer = .none
    ) {
        guard events.isOn else { return }
        record(kind, id, row, state, session: session, done: done, detail: detail)
    }

    /// The same for a finished job.
    @inline(__always)
    func tellEnd(_ id: UInt64, _ row: JobRow, _ state: JobState) {
        guard events.isOn, !isPlanted(.endNotTold) else { return }
        let kind: EventKind =
            switch state {
            case .completed: .completed
            case .dead: .dead
            case .cancelled: .cancelled
            default: .expired
            }
        let detail = state == .cancelled ? row.history?.cancelReason : row.lastMessage
        record(kind, id, row, state, session: 0, done: 0, detail: detail ?? .none)
    }

    /// The same for jobs whose time came: the first of them, when they are very many.
    func tellReady(_ jobs: JobRun, _ rows: borrowing Transaction) throws {
        for id in jobs.first..<min(jobs.end, jobs.first + EngineLimits.readyEventsMax) {
            if let row = try load(id, rows) { tell(.ready, id, row, .ready) }
        }
    }

    private func record(
        _ kind: EventKind, _ id: UInt64, _ row: JobRow, _ state: JobState?, session: UInt64,
        done: UInt16, detail: UnsafeRawBufferPointer
    ) {
        let isUnderWay = state == .running
        var entry = EventRing.Entry(
            at: stamp.now, id: id, session: session, queue: place(ofQueue: row.queue) ?? 0,
            kind: kind, state: state,
            attempt: UInt16(clamping: row.endedAttempts + (isUnderWay ? 1 : 0)), done: done,
            typeBytes: 0, detailBytes: 0)
        if let tags = row.options?.tags {
            for (index, tag) in WireTexts(tags).prefix(EventRing.tagsMax).enumerated() {
                entry.tags[index] = EventRing.tagHash(tag)
            }
        }
        events.record(entry, type: row.type, detail: detail)
    }
}

extension JobRow {
    /// Of the last failure or crash.
    var lastMessage: UnsafeRawBufferPointer { history?.failure.message ?? .none }
}

extension EventRing {
    /// Never 0. Two tags of the same hash are told apart by nobody: one in four billion.
    static func tagHash(_ tag: UnsafeRawBufferPointer) -> UInt32 {
        max(1, UInt32(truncatingIfNeeded: hashed(tag)))
    }
}

extension EventRing.Entry {
    func hasTag(_ hash: UInt32) -> Bool {
        for index in 0..<EventRing.tagsMax where tags[index] == hash { return true }
        return false
    }
}

extension EventFilter {
    fileprivate func matches(_ event: JobEvent) -> Bool {
        if let job, event.id != job { return false }
        if event.kind == .progress, !withProgress { return false }
        if let type, !event.type.elementsEqual(type.utf8) { return false }
        return states == 0 || event.state.map { states & $0.bit != 0 } ?? false
    }
}
