package import Store

/// A queue in memory: its row, its ready runs, and whether this turn changed them.
struct Queue {
    let id: UInt32
    var row: QueueRow
    var ready: ReadyRuns
    /// What happened in the last minute.
    var rates = QueueRates()
    var isChanged = false
    /// Whether the row has settings, which hardly a queue has.
    private(set) var hasSettings = false
    /// Whether it was deleted: its place stays, for a later queue of the same name.
    var isDeleted = false
    /// Whether the row that holds nothing but its name is there.
    var hasNameRow = false
    /// The row's name, to be compared with bytes from the wire.
    private let nameBytes: [UInt8]

    init(id: UInt32, row: QueueRow) {
        self.id = id
        self.row = row
        nameBytes = Array(row.name.utf8)
        ready = ReadyRuns(queue: id, storedJobs: row.ready)
        settingsChanged()
    }

    /// To be called when the row's settings are others.
    mutating func settingsChanged() {
        hasSettings = row.settings != nil
        ready.isLIFO = row.settings?.order == .lifo
    }

    /// Changes the queue; true when this turn had not changed it before.
    fileprivate mutating func isFirstChange(_ change: (inout Queue) -> Void) -> Bool {
        change(&self)
        defer { isChanged = true }
        return !isChanged
    }

    var isBeingDeleted: Bool { (row.settings?.deletingSince ?? 0) > 0 }

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
    package var cancelled: UInt64
    package var expired: UInt64
    /// Completed jobs that are still kept.
    package var retained: UInt64
    package var totals: QueueTotals
    package var lastMinute: MinuteRates
    /// Payload bytes, as carried, of scheduled and ready jobs.
    package var waitingBytes: UInt64
    package var settings: QueueSettings
    /// When the job at the head was submitted, milliseconds since 1970; 0 when none is ready.
    package var oldestReady: UInt64
}

extension Engine {
    package var queueCount: Int { queues.count - deletedQueues }

    /// The queue of a name, made when there is none; nil when there are as many as may be.
    package func queue(named name: UnsafeRawBufferPointer) -> QueueIndex? {
        if let known = knownQueue(named: name) { return known }
        guard queueCount < configuration.queuesMax else { return nil }
        let id = counters.nextQueue
        counters.nextQueue += 1
        let queue = Queue(id: id, row: QueueRow(name: String(decoding: name, as: UTF8.self)))
        let index = place(named: name) ?? queues.count
        if index < queues.count {
            queues[index] = queue
            queuePlaces[id] = index
            deletedQueues -= 1
        } else {
            add(queue)
        }
        touch(index)
        return QueueIndex(value: index)
    }

    package func knownQueue(named name: UnsafeRawBufferPointer) -> QueueIndex? {
        guard let index = place(named: name), !queues[index].isDeleted else { return nil }
        return QueueIndex(value: index)
    }

    /// The place of a queue that has, or once had, a name.
    private func place(named name: UnsafeRawBufferPointer) -> Int? {
        if queues.indices.contains(lastQueue), queues[lastQueue].isNamed(name) { return lastQueue }
        guard let index = queuesByHash[hashed(name)]?.first(where: { queues[$0].isNamed(name) })
        else {
            return nil
        }
        lastQueue = index
        return index
    }

    package func queue(named name: String) -> QueueIndex? {
        var name = name
        return name.withUTF8 { queue(named: UnsafeRawBufferPointer($0)) }
    }

    package func knownQueue(named name: String) -> QueueIndex? {
        var name = name
        return name.withUTF8 { knownQueue(named: UnsafeRawBufferPointer($0)) }
    }

    package var allQueues: [QueueIndex] {
        queues.indices.lazy.filter { !self.queues[$0].isDeleted }.map { QueueIndex(value: $0) }
    }

    package func name(of queue: QueueIndex) -> String { queues[queue.value].row.name }

    /// Whether there is something to deliver: never while the queue is paused.
    package func hasReady(_ queue: QueueIndex) -> Bool {
        queues[queue.value].row.ready > 0
            && (isPlanted(.pauseIgnored) || !(queues[queue.value].hasSettings && isPaused(queue)))
    }

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
            held: row.held, dead: row.dead, cancelled: row.cancelled, expired: row.expired,
            retained: row.retained, totals: row.totals, lastMinute: lastMinute(queue),
            waitingBytes: row.waitingBytes, settings: row.settings ?? QueueSettings(),
            oldestReady: oldestReady)
    }

    private func lastMinute(_ queue: QueueIndex) -> MinuteRates {
        let rates = queues[queue.value].rates
        return MinuteRates(
            submitted: rates.lastMinute(.submitted, at: stamp.now),
            completed: rates.lastMinute(.completed, at: stamp.now),
            failed: rates.lastMinute(.failed, at: stamp.now))
    }

    /// How long the queue's jobs waited and ran, by type.
    package func times(of queue: QueueIndex) -> [JobTimes] {
        times.times(ofQueue: queues[queue.value].id)
    }

    /// Changes a queue's counters.
    func count(_ queue: Int, _ body: (inout QueueRow) -> Void) {
        change(queue) { body(&$0.row) }
    }

    /// Changes a queue, in one access.
    func change(_ queue: Int, _ change: (inout Queue) -> Void) {
        if queues[queue].isFirstChange(change) { changedQueues.append(queue) }
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
            guard !queues[index].isDeleted else { continue }
            // Mending may change a queue more.
            try mending(rows) { try queues[index].ready.flush(rows) }
            let row = queues[index].row
            try rows.put(Tables.queues, .queue(queues[index].id)) { row.write(to: &$0) }
            if !queues[index].hasNameRow {
                try rows.put(Tables.names, .queue(queues[index].id)) { $0.string8(row.name) }
                queues[index].hasNameRow = true
            }
        }
        for index in changedQueues { queues[index].isChanged = false }
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
        return queuePlaces[id]
    }

    func add(_ queue: Queue) {
        if queue.isBeingDeleted { deletingQueues.append(queues.count) }
        queuePlaces[queue.id] = queues.count
        queues.append(queue)
        var name = queue.row.name
        let hash = name.withUTF8 { hashed(UnsafeRawBufferPointer($0)) }
        queuesByHash[hash, default: []].append(queues.count - 1)
    }
}

/// A row whose check value is right and whose contents make no sense.
func nonsense(_ table: Table, _ key: Key, _ what: String) -> StoreError {
    StoreError(
        .damaged(table: table, key: key.withBytes { Array($0) }), "table \(table.name): \(what)")
}
