package import Store

/// Dead jobs of one queue that died of the same error, counted.
struct GroupRow: Equatable {
    var jobs: UInt64 = 0
    /// When the first and the last of them died, milliseconds since 1970.
    var firstSeen: UInt64
    var lastSeen: UInt64
    /// The one that died last; 0 when it was sent back to work or is gone.
    var example: UInt64 = 0
    /// Of the first one.
    var errorClass: String
    var message: String

    init(_ failure: Failure, now: UInt64) {
        firstSeen = now
        lastSeen = now
        let message = failure.message
        let bytes = message.wholeCharacters(min(message.count, EngineLimits.groupMessageBytesMax))
        self.message = String(decoding: message[..<bytes], as: UTF8.self)
        errorClass = String(decoding: failure.errorClass, as: UTF8.self)
    }

    init(from reader: inout RowReader) throws(StoreError) {
        jobs = try reader.u64()
        firstSeen = try reader.u64()
        lastSeen = try reader.u64()
        example = try reader.u64()
        errorClass = try reader.string8()
        message = String(decoding: reader.rest(), as: UTF8.self)
    }

    func write(to writer: inout RowWriter) {
        writer.u64(jobs)
        writer.u64(firstSeen)
        writer.u64(lastSeen)
        writer.u64(example)
        writer.string8(errorClass)
        writer.bytes(Array(message.utf8))
    }
}

extension JobRow {
    /// Whether the job is counted in a group. One that is not kept when it is dead never joins any.
    var isInGroup: Bool { state == .dead && (history?.finishedAt ?? 0) > 0 }
}

extension Key {
    static func group(_ queue: UInt32, _ fingerprint: UInt64) -> Key {
        Key().adding(u32: queue).adding(u64: fingerprint)
    }
}

extension Engine {
    /// A job died: it is counted with those that died of the same error.
    func joinGroup(_ id: UInt64, _ row: JobRow, _ rows: borrowing Transaction) throws {
        guard isInGroups(id, ofQueue: row.queue) else { return }
        try addToGroup(id, row, at: stamp.now, rows)
    }

    func addToGroup(
        _ id: UInt64, _ row: JobRow, at instant: UInt64, _ rows: borrowing Transaction
    ) throws {
        guard let failure = row.history?.failure else { return }
        let key = Key.group(row.queue, failure.fingerprint)
        var group = try group(key, rows) ?? GroupRow(failure, now: instant)
        group.jobs += 1
        group.firstSeen = min(group.firstSeen, instant)
        if instant >= group.lastSeen { (group.lastSeen, group.example) = (instant, id) }
        try rows.put(Tables.groups, key) { group.write(to: &$0) }
    }

    /// A dead job comes back to life, or is gone.
    func leaveGroup(_ id: UInt64, _ row: JobRow, _ rows: borrowing Transaction) throws {
        guard let failure = row.history?.failure, !isPlanted(.groupNotLowered) else { return }
        let key = Key.group(row.queue, failure.fingerprint)
        guard isInGroups(id, ofQueue: row.queue), var group = try group(key, rows) else { return }
        group.jobs.lower()
        if group.example == id { group.example = 0 }
        if group.jobs == 0 {
            _ = try rows.delete(Tables.groups, key)
        } else {
            try rows.put(Tables.groups, key) { group.write(to: &$0) }
        }
    }

    private func group(_ key: Key, _ rows: borrowing Transaction) throws -> GroupRow? {
        try mending(rows) { try rows.get(Tables.groups, key) { try GroupRow(from: &$0) } }
    }

    /// The queue is gone: so are groups that still count jobs whose records were damaged.
    func forgetGroups(ofQueue queue: UInt32, _ rows: borrowing Transaction) throws {
        let (first, last) = (Key.group(queue, 0), Key.group(queue, .max).adding(u8: 0))
        var keys: [Key] = []
        let damaged = try rows.survey(Tables.groups, from: first, to: last) { key, _ in
            keys.append(key.whole)
        }
        for key in keys + damaged.map({ Key($0.key) }) { _ = try rows.delete(Tables.groups, key) }
        try forgetRecount(ofQueue: queue, rows)
    }
}

// MARK: - Reading

package struct DeadGroup: Sendable, Equatable {
    package var queue: String
    package var fingerprint: UInt64
    package var jobs: UInt64
    package var firstSeen: UInt64
    package var lastSeen: UInt64
    /// A job of the group; 0 when none was found quickly.
    package var example: UInt64
    package var errorClass: String
    package var message: String
}

package struct DeadGroupPage: Sendable, Equatable {
    /// Where a page of groups ends.
    package struct Cursor: Sendable, Equatable {
        package var queue: UInt32
        package var fingerprint: UInt64

        package init(queue: UInt32, fingerprint: UInt64) {
            self.queue = queue
            self.fingerprint = fingerprint
        }
    }

    package var groups: [DeadGroup] = []
    /// The last group of this page, when there may be more.
    package var next: Cursor?
    package var asOf: UInt64 = 0
}

extension JobInspector {
    /// Dead jobs that are looked at to find an example for a group whose own is gone.
    private static let exampleRowsMax = 1_000

    /// - Parameter queue: nil for all; one that does not exist has no groups.
    package static func deadGroups(
        queue: String?, limit: Int, after cursor: DeadGroupPage.Cursor?,
        _ snapshot: borrowing Snapshot
    ) throws -> DeadGroupPage {
        let queues = try storedQueues(snapshot)
        let names = Dictionary(uniqueKeysWithValues: queues.map { ($0.id, $0.row.name) })
        let only = queue.map { name in queues.first { $0.row.name == name }?.id ?? .max }
        var page = DeadGroupPage(asOf: snapshot.asOf)
        // One byte longer than the last group's key: the first key behind it.
        let start =
            cursor.map { Key.group($0.queue, $0.fingerprint).adding(u8: 0) }
            ?? Key.group(only ?? 1, 0)
        var last: DeadGroupPage.Cursor?
        try snapshot.scan(Tables.groups, from: start) { key, reader in
            let place = DeadGroupPage.Cursor(
                queue: try key.u32(), fingerprint: try key.u64())
            if let only, place.queue != only { return .stop }
            guard page.groups.count < limit else {
                page.next = last
                return .stop
            }
            let row = try GroupRow(from: &reader)
            page.groups.append(DeadGroup(row, names[place.queue] ?? "", place.fingerprint))
            last = place
            return .next
        }
        for index in page.groups.indices where page.groups[index].example == 0 {
            page.groups[index].example = try example(of: page.groups[index], queues, snapshot)
        }
        return page
    }

    private static func example(
        of group: DeadGroup, _ queues: [(id: UInt32, row: QueueRow)],
        _ snapshot: borrowing Snapshot
    ) throws -> UInt64 {
        var filter = JobFilter(queue: group.queue, states: JobState.dead.bit)
        filter.fingerprint = group.fingerprint
        var search = try JobSearch(
            filter, after: nil, descending: true, queues: queues, snapshot)
        return try search.find(1, rowsMax: exampleRowsMax, snapshot).first ?? 0
    }
}

extension DeadGroup {
    init(_ row: GroupRow, _ queue: String, _ fingerprint: UInt64) {
        self.init(
            queue: queue, fingerprint: fingerprint, jobs: row.jobs, firstSeen: row.firstSeen,
            lastSeen: row.lastSeen, example: row.example, errorClass: row.errorClass,
            message: row.message)
    }
}
