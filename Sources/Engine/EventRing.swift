import Store

/// What happened to a job. The numbers are those of the protocol.
package enum EventKind: UInt8, Sendable, CaseIterable {
    case submitted = 1
    /// Its time came.
    case ready = 2
    case delivered = 3
    case progress = 4
    case completed = 5
    case failed = 6
    case crashed = 7
    case released = 8
    case dead = 9
    case cancelled = 10
    case expired = 11
    case retried = 12
    case edited = 13
    case cancelRequested = 14
    case deleted = 15
}

/// One thing that happened to a job. Byte strings are valid until the next turn begins.
package struct JobEvent {
    package var offset: UInt64
    /// Milliseconds since 1970.
    package var at: UInt64
    package var id: UInt64
    package var kind: EventKind
    /// The state that the job came into; nil when it is gone.
    package var state: JobState?
    package var attempt: UInt16
    package var queue: QueueIndex
    package var type: UnsafeRawBufferPointer
    /// The worker that had, or has, the job; 0: none.
    package var session: UInt64
    /// Of a progress event, in 1/10,000.
    package var done: UInt16
    /// What went wrong, the reason, or what the handler said, as far as it fits.
    package var detail: UnsafeRawBufferPointer
}

/// The last events, in memory: recorded only while somebody watches and for a minute after, so that
/// a broker without watchers pays one branch for each.
///
/// Offsets ascend over restarts without being stored: each recording begins at an offset made of the
/// clock, far above all that came before it. Owned by the writer thread, like the engine.
package final class EventRing {
    /// How long events are recorded after the last watcher left, in milliseconds.
    static let quietMilliseconds: UInt64 = 60_000
    /// Bytes of type and detail together that an event keeps.
    static let textBytes = 256
    static let tagsMax = 8

    /// Whether events are recorded.
    private(set) var isOn = false
    /// Events that are kept.
    private let capacity: Int
    private var watchers = 0
    private var quietSince: UInt64 = 0
    /// Offset of the first event of this recording, and of the next one.
    private var begun: UInt64 = 0
    private var next: UInt64 = 1
    private var entries: [Entry] = []
    private var texts = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    /// What is kept of an event, of fixed size; its texts lie beside it.
    struct Entry {
        var at: UInt64
        var id: UInt64
        var session: UInt64
        var queue: Int
        var kind: EventKind
        var state: JobState?
        var attempt: UInt16
        var done: UInt16
        var typeBytes: UInt8
        var detailBytes: UInt8
        /// Of each tag, so that a watcher's tag can be compared; 0: none.
        var tags = InlineArray<8, UInt32>(repeating: 0)
    }

    init(capacity: Int) { self.capacity = capacity }

    deinit { texts.deallocate() }

    // MARK: Watching

    /// Offset of the last event so far: a watcher that begins now comes after it.
    package var last: UInt64 { next - 1 }

    /// Somebody watches. Balanced by `unwatch`.
    func watch(now: UInt64) {
        watchers += 1
        guard !isOn else { return }
        isOn = true
        begun = max(next, now << 20)
        next = begun
        texts = .allocate(
            byteCount: capacity * EventRing.textBytes, alignment: 8)
        entries.reserveCapacity(capacity)
    }

    func unwatch(now: UInt64) {
        watchers -= 1
        quietSince = now
    }

    /// Stops recording when nobody has watched for a while.
    func rest(now: UInt64) {
        guard isOn, watchers == 0, now >= quietSince + EventRing.quietMilliseconds else { return }
        isOn = false
        entries = []
        texts.deallocate()
        texts = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    // MARK: Events

    /// Offset of the oldest event that is kept.
    private var first: UInt64 { next - UInt64(entries.count) }

    private func place(_ offset: UInt64) -> Int {
        Int((offset - begun) % UInt64(capacity))
    }

    func record(
        _ entry: Entry, type: UnsafeRawBufferPointer, detail: UnsafeRawBufferPointer
    ) {
        var entry = entry
        let place = place(next)
        let typeBytes = min(type.count, EventRing.textBytes / 2)
        let detailBytes = detail.wholeCharacters(
            min(detail.count, EventRing.textBytes - typeBytes - 1))
        entry.typeBytes = UInt8(typeBytes)
        entry.detailBytes = UInt8(detailBytes)
        let start = place * EventRing.textBytes
        UnsafeMutableRawBufferPointer(rebasing: texts[start..<start + typeBytes])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: type[..<typeBytes]))
        let detailStart = start + typeBytes
        UnsafeMutableRawBufferPointer(rebasing: texts[detailStart..<detailStart + detailBytes])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: detail[..<detailBytes]))
        if entries.count < capacity {
            entries.append(entry)
        } else {
            entries[place] = entry
        }
        next += 1
    }

    /// Visits events after an offset until `body` says stop.
    /// - Returns: the offset that was reached, and how many events were dropped before the first one
    ///   visited; those of a time when nothing was recorded count as one.
    func read(
        after offset: UInt64, _ body: (Entry, JobEvent) throws -> Scan
    ) rethrows -> (reached: UInt64, missed: UInt64) {
        guard isOn, offset < last else { return (offset, 0) }
        var missed: UInt64 = offset + 1 < begun ? 1 : 0
        let wanted = max(offset + 1, begun)
        if wanted < first { missed += first - wanted }
        var reached = max(wanted, first) - 1
        while reached < last {
            reached += 1
            let entry = entries[place(reached)]
            guard try body(entry, event(entry, reached)) == .next else { break }
        }
        return (reached, missed)
    }

    private func event(_ entry: Entry, _ offset: UInt64) -> JobEvent {
        let start = place(offset) * EventRing.textBytes
        let middle = start + Int(entry.typeBytes)
        let end = middle + Int(entry.detailBytes)
        return JobEvent(
            offset: offset, at: entry.at, id: entry.id, kind: entry.kind, state: entry.state,
            attempt: entry.attempt, queue: QueueIndex(value: entry.queue),
            type: UnsafeRawBufferPointer(rebasing: texts[start..<middle]), session: entry.session,
            done: entry.done, detail: UnsafeRawBufferPointer(rebasing: texts[middle..<end]))
    }
}

extension UnsafeRawBufferPointer {
    /// The most bytes, up to `limit`, that cut no character of UTF-8 in two.
    func wholeCharacters(_ limit: Int) -> Int {
        var end = limit
        while end > 0, end < count, self[end] & 0xc0 == 0x80 { end -= 1 }
        return end
    }
}
