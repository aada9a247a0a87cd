import Store

extension Engine {
    /// Reads the queues. One whose row is damaged has its name from the row that holds nothing else, and
    /// is counted anew; with both gone it gets a name by which its jobs can be found.
    func readQueues(_ rows: borrowing Transaction) throws {
        var names: [UInt32: String] = [:]
        let damagedNames = try rows.survey(Tables.names) { key, reader in
            names[try key.u32()] = try reader.string8()
        }
        var stored: [UInt32: QueueRow] = [:]
        let damagedRows = try rows.survey(Tables.queues) { key, reader in
            stored[try key.u32()] = try QueueRow(from: &reader)
        }
        for row in damagedNames {
            try setAside(Tables.names, Key(row.key), "a queue's name is set aside", row.error, rows)
        }
        for row in damagedRows {
            let sentence = "a queue's counters are set aside and counted anew"
            try setAside(Tables.queues, Key(row.key), sentence, row.error, rows)
        }
        let damagedIDs = (damagedNames + damagedRows).map { UInt32(number($0.key, 0, bytes: 4)) }
        var lost: [Int] = []
        for id in Set(stored.keys).union(names.keys).union(damagedIDs).sorted() {
            if stored[id] == nil { lost.append(queues.count) }
            let name = stored[id]?.name ?? names[id] ?? freeName(id, stored.values.map(\.name))
            add(Queue(id: id, row: stored[id] ?? QueueRow(name: name)))
            queues[queues.count - 1].hasNameRow = names[id] != nil
            if names[id] == nil { touch(queues.count - 1) }
        }
        try recount(lost, rows)
    }

    private func freeName(_ id: UInt32, _ taken: [String]) -> String {
        var name = "recovered-\(id)"
        while taken.contains(name) { name += "-" }
        return name
    }

    /// Counts what the other rows say of queues. How many jobs are gone, none knows.
    private func recount(_ lost: [Int], _ rows: borrowing Transaction) throws {
        guard !lost.isEmpty else { return }
        var running: [UInt32: UInt64] = [:]
        _ = try rows.survey(Tables.leases) { _, reader in
            let lease = try LeaseRow(from: &reader)
            running[lease.queue, default: 0] += UInt64(lease.jobs.count)
        }
        for queue in lost {
            touch(queue)
            let id = queues[queue].id
            try mendRuns(ofQueue: id, rows)
            let bytes = try waitingBytes(ofQueue: id, rows)
            count(queue) {
                $0.running = running[id] ?? 0
                $0.waitingBytes = bytes
                $0.totals = QueueTotals(
                    submitted: $0.jobs, completed: $0.retained, died: $0.dead,
                    cancelled: $0.cancelled, expired: $0.expired)
            }
        }
    }

    private func waitingBytes(
        ofQueue id: UInt32, _ rows: borrowing Transaction
    ) throws -> UInt64 {
        var runs: [JobRun] = []
        let end = IndexPlace(id, .running).key(0)
        try rows.scan(Tables.index, from: .queue(id), to: end) { key, reader in
            _ = try (key.u32(), key.u8(), key.u8())
            runs.append(JobRun(first: try key.u64(), count: try reader.u32()))
            return .next
        }
        var bytes: UInt64 = 0
        for run in runs {
            for job in run.first..<run.end {
                bytes += UInt64(try load(job, rows)?.payloadBytes ?? 0)
            }
        }
        return bytes
    }
}
