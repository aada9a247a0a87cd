package import Store

/// A queue in memory: its row, its ready runs, and whether this turn changed them.
struct Queue {
    let id: UInt32
    var row: QueueRow
    var ready: ReadyRuns
    var isChanged = false
    /// Whether the row that holds nothing but its name is there.
    var hasNameRow = false
    /// The row's name, to be compared with bytes from the wire.
    private let nameBytes: [UInt8]

    init(id: UInt32, row: QueueRow) {
        self.id = id
        self.row = row
        nameBytes = Array(row.name.utf8)
        ready = ReadyRuns(queue: id, storedJobs: row.ready)
    }

    func isNamed(_ name: UnsafeRawBufferPointer) -> Bool {
        guard name.count == nameBytes.count else { return false }
        for index in 0..<name.count where name[index] != nameBytes[index] { return false }
        return true
    }
}

/// A queue by its place in the engine's memory; the same for as long as the process runs.
package struct QueueIndex: Hashable, Sendable {
    package let value: Int
}

/// What `queue list` shows.
package struct QueueStatistics: Sendable, Equatable {
    package var name: String
    package var ready: UInt64
    package var running: UInt64
    package var scheduled: UInt64
    package var held: UInt64
    package var dead: UInt64
    package var completed: UInt64
    package var retained: UInt64
    /// When the job at the head was submitted, milliseconds since 1970; 0 when none is ready.
    package var oldestReady: UInt64
}

extension Engine {
    package var queueCount: Int { queues.count }

    /// The queue of a name, made when there is none; nil when there are as many as may be.
    package func queue(named name: UnsafeRawBufferPointer) -> QueueIndex? {
        if let known = knownQueue(named: name) { return known }
        guard queues.count < configuration.queuesMax else { return nil }
        let id = counters.nextQueue
        counters.nextQueue += 1
        add(Queue(id: id, row: QueueRow(name: String(decoding: name, as: UTF8.self))))
        touch(queues.count - 1)
        return QueueIndex(value: queues.count - 1)
    }

    package func knownQueue(named name: UnsafeRawBufferPointer) -> QueueIndex? {
        if queues.indices.contains(lastQueue), queues[lastQueue].isNamed(name) {
            return QueueIndex(value: lastQueue)
        }
        guard let index = queuesByHash[hashed(name)]?.first(where: { queues[$0].isNamed(name) })
        else {
            return nil
        }
        lastQueue = index
        return QueueIndex(value: index)
    }

    package func queue(named name: String) -> QueueIndex? {
        var name = name
        return name.withUTF8 { queue(named: UnsafeRawBufferPointer($0)) }
    }

    package func knownQueue(named name: String) -> QueueIndex? {
        var name = name
        return name.withUTF8 { knownQueue(named: UnsafeRawBufferPointer($0)) }
    }

    package var allQueues: [QueueIndex] { queues.indices.map { QueueIndex(value: $0) } }

    package func name(of queue: QueueIndex) -> String { queues[queue.value].row.name }

    package func hasReady(_ queue: QueueIndex) -> Bool { queues[queue.value].row.ready > 0 }

    package func readyCount(_ queue: QueueIndex) -> Int { Int(queues[queue.value].row.ready) }

    /// Counters as they are now; reads one row, that of the oldest ready job.
    package func statistics(
        _ queue: QueueIndex, _ rows: borrowing Transaction
    ) throws -> QueueStatistics {
        let row = queues[queue.value].row
        var oldestReady: UInt64 = 0
        if row.ready > 0,
            let oldest = try mending(rows, { try queues[queue.value].ready.oldest(rows) })
        {
            oldestReady = try load(oldest, rows)?.createdAt ?? 0
        }
        return QueueStatistics(
            name: row.name, ready: row.ready, running: row.running, scheduled: row.scheduled,
            held: row.held, dead: row.dead, completed: row.completed, retained: row.retained,
            oldestReady: oldestReady)
    }

    /// Changes a queue's counters.
    func count(_ queue: Int, _ change: (inout QueueRow) -> Void) {
        change(&queues[queue].row)
        touch(queue)
    }

    /// Puts a job into its queue's ready runs.
    func makeReady(
        _ id: UInt64, order: UInt8, _ queue: Int, _ rows: borrowing Transaction
    ) throws {
        try mending(rows) { try queues[queue].ready.insert(id, order: order, rows) }
        count(queue) { $0.ready += 1 }
    }

    /// Notes that a queue's row, or its ready runs, must be written when the turn ends.
    func touch(_ queue: Int) {
        guard !queues[queue].isChanged else { return }
        queues[queue].isChanged = true
        changedQueues.append(queue)
    }

    func writeQueues(_ rows: borrowing Transaction) throws {
        var next = 0
        while next < changedQueues.count {
            let index = changedQueues[next]
            next += 1
            // Mending may change a queue more.
            try mending(rows) { try queues[index].ready.flush(rows) }
            let row = queues[index].row
            try rows.put(Tables.queues, .queue(queues[index].id)) { row.write(to: &$0) }
            if !queues[index].hasNameRow {
                try rows.put(Tables.names, .queue(queues[index].id)) { $0.string8(row.name) }
                queues[index].hasNameRow = true
            }
            queues[index].isChanged = false
        }
        changedQueues.removeAll(keepingCapacity: true)
    }

    /// The place of a stored queue id.
    func index(ofQueue id: UInt32) throws -> Int {
        if let place = place(ofQueue: id) { return place }
        throw nonsense(Tables.queues, .queue(id), "a job names queue \(id), which has no row")
    }

    /// Ids are given out in the order of places, so that the guess is right unless a queue was deleted.
    func place(ofQueue id: UInt32) -> Int? {
        let guess = Int(id) - 1
        if queues.indices.contains(guess), queues[guess].id == id { return guess }
        return queues.firstIndex { $0.id == id }
    }

    func add(_ queue: Queue) {
        queues.append(queue)
        var name = queue.row.name
        let hash = name.withUTF8 { hashed(UnsafeRawBufferPointer($0)) }
        queuesByHash[hash, default: []].append(queues.count - 1)
    }
}

/// FNV-1a. (Source: Fowler, Noll, Vo; RFC 9923.)
private func hashed(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash
}

/// A row whose check value is right and whose contents make no sense.
func nonsense(_ table: Table, _ key: Key, _ what: String) -> StoreError {
    StoreError(
        .damaged(table: table, key: key.withBytes { Array($0) }), "table \(table.name): \(what)")
}
