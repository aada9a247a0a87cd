package import Store

/// Makes a closed store agree with itself again: damaged records are set aside, orphans are removed, and
/// index, timers, keys, groups and counters are made anew from the jobs' own rows.
///
/// It works in turns of a bounded size. One that is cut short is simply begun again: each step can be
/// repeated.
package final class Repair {
    /// What was done, by what it was done to.
    package struct Report: Sendable, Equatable {
        /// Records set aside.
        package var setAside: UInt64 = 0
        /// Rows removed that belonged to nothing.
        package var orphans: UInt64 = 0
        /// Jobs with a row.
        package var jobs: UInt64 = 0
        /// Unique keys that two jobs held.
        package var keysReleased: UInt64 = 0
        /// Queues whose row was lost, and that have a new name.
        package var queuesRenamed: UInt64 = 0
        /// Sentences for people, at most a thousand.
        package var sentences: [String] = []
    }

    package internal(set) var report = Report()
    let store: Store
    let now: UInt64
    /// What the jobs of each queue come to.
    var queues: [UInt32: QueueRow] = [:]
    var groups: [GroupKey: GroupRow] = [:]
    var index = RunBuilder<IndexPlace>()
    var timers = RunBuilder<TimerPlace>()
    /// Jobs that leases hold.
    var running: [UInt64: JobHolder] = [:]
    var highestJob: UInt64 = 0
    /// Payloads and results that name a dictionary.
    var references: [UInt32: UInt64] = [:]
    let scratch = Scratch()

    struct GroupKey: Hashable {
        var queue: UInt32
        var fingerprint: UInt64
    }

    /// Rows that one turn touches.
    static let rowsPerTurn = 5_000

    private init(_ store: Store, now: UInt64) {
        self.store = store
        self.now = now
    }

    /// - Parameter store: one that no broker has open.
    package static func run(_ store: Store, now: UInt64) throws -> Report {
        let repair = Repair(store, now: now)
        // What is known of removed rows comes before the rows.
        try store.repairStorage()
        for table in Tables.all { try repair.setAsideDamaged(table) }
        try repair.setAsideIncomplete()
        for table in [
            Tables.index, Tables.timers, Tables.groups, Tables.unique, Tables.staging,
        ] {
            try repair.clear(table)
        }
        try repair.readQueues()
        try repair.dropOrphans()
        try repair.restoreLeases()
        try repair.restoreJobs()
        try repair.restoreDictionaries()
        try repair.restoreOtherTimers()
        try repair.writeSums()
        try store.repairStorage()
        try store.checkpoint(now: now)
        return repair.report
    }

    // MARK: Turns

    func turn<R>(_ body: (borrowing Transaction) throws -> R) throws -> R {
        let result = try store.turn(body)
        _ = try store.commit(now: now)
        if store.checkpointDue(now: now) { try store.checkpoint(now: now) }
        return result
    }

    func tell(_ sentence: @autoclosure () -> String) {
        if report.sentences.count < 1_000 { report.sentences.append(sentence()) }
    }

    /// Visits a table's rows, some in each turn. What is to be changed comes back from `body` and is done
    /// when the rows are no longer read.
    func walk(
        _ table: Table,
        _ body: (inout KeyReader, inout RowReader, borrowing Transaction) throws -> Change?
    ) throws {
        var from: Key? = Key()
        while let start = from {
            from = try turn { rows in
                var changes: [(Key, Change)] = []
                var next: Key?
                var left = Repair.rowsPerTurn
                try rows.scan(table, from: start) { key, row in
                    guard left > 0 else {
                        next = key.whole
                        return .stop
                    }
                    left -= 1
                    let whole = key.whole
                    if let change = try body(&key, &row, rows) { changes.append((whole, change)) }
                    return .next
                }
                for (key, change) in changes { try change.make(table, key, rows) }
                return next
            }
        }
    }

    /// What becomes of a row.
    enum Change {
        case remove
        case rewrite((inout RowWriter) -> Void)
        /// Anything else, besides.
        case also((borrowing Transaction) throws -> Void)

        func make(_ table: Table, _ key: Key, _ rows: borrowing Transaction) throws {
            switch self {
            case .remove: _ = try rows.delete(table, key)
            case .rewrite(let write): try rows.put(table, key) { write(&$0) }
            case .also(let body): try body(rows)
            }
        }
    }

    // MARK: Taking away

    /// Keeps the bytes of records that do not match their check value, or make no sense, where nothing
    /// looks for them.
    private func setAsideDamaged(_ table: Table) throws {
        var from: Key? = Key()
        while let start = from {
            from = try turn { rows in
                guard let key = try firstDamaged(table, from: start, rows) else { return nil }
                guard let bytes = try rows.take(table, key) else { return nil }
                report.setAside += 1
                tell("a record of table \(table.name) is damaged and set aside: \(key)")
                guard table != Tables.damaged else {
                    // It is aside already, and is kept with a check value that is right.
                    try rows.put(table, key) { $0.bytes(bytes) }
                    return key
                }
                try rows.put(Tables.damaged, .damaged(table, key)) { $0.bytes(bytes) }
                if table == Tables.producers {
                    // Nobody knows what was accepted of it, and nothing may be accepted twice.
                    let lost = Producer(lastUsed: now, floor: Producer.lostFloor)
                    try rows.put(table, key) { lost.write(to: &$0) }
                }
                return key
            }
        }
    }

    private func firstDamaged(
        _ table: Table, from start: Key, _ rows: borrowing Transaction
    ) throws -> Key? {
        var last = Key()
        do {
            try rows.scan(table, from: start) { key, row in
                last = key.whole
                try table.parse(&key, &row)
                return .next
            }
            return nil
        } catch let error as StoreError {
            guard case .damaged(let found, let bytes) = error.code else { throw error }
            return found == table && !bytes.isEmpty ? Key(bytes: bytes) : last
        }
    }

    private func clear(_ table: Table) throws { try walk(table) { _, _, _ in .remove } }

    /// Removes what belongs to jobs that are not there.
    private func dropOrphans() throws {
        var staged: Set<UInt64> = []
        try walk(Tables.jobs) { _, row, _ in
            staged.formUnion(try JobRow(from: &row).stagedIDs)
            return nil
        }
        for table in [Tables.pieces, Tables.notes] {
            try walk(table) { key, _, rows in
                let id = try key.u64()
                // The list of jobs that are to be cancelled is made anew.
                if table == Tables.notes, id == 0 { return .remove }
                guard try !rows.contains(Tables.jobs, .job(id)), !staged.contains(id) else {
                    return nil
                }
                report.orphans += 1
                return .remove
            }
        }
        try walk(Tables.answers) { key, _, rows in
            let (id, sequence) = (try key.u64(), try key.u64())
            let producer = try rows.get(Tables.producers, .job(id)) { try Producer(from: &$0) }
            guard producer?.mixed[sequence] == nil else { return nil }
            report.orphans += 1
            return .remove
        }
        try walk(Tables.times) { key, _, rows in
            try rows.contains(Tables.queues, .queue(try key.u32())) ? nil : .remove
        }
    }
}

extension Table {
    /// Reads a row of this table, only to see whether it can be read.
    fileprivate func parse(_ key: inout KeyReader, _ row: inout RowReader) throws {
        switch self {
        case Tables.jobs: _ = try JobRow(from: &row)
        case Tables.queues: _ = try QueueRow(from: &row)
        case Tables.leases: _ = (try LeaseKey(from: &key), try LeaseRow(from: &row))
        case Tables.sessions: _ = (try row.u64(), try row.u64())
        case Tables.producers: _ = try Producer(from: &row)
        case Tables.dictionaries:
            _ = try key.u32()
            if try key.u32() == 0 { _ = try DictionaryRow(from: &row) }
        case Tables.actions: _ = try BulkAction(try key.u64(), from: &row)
        default: break
        }
    }
}
