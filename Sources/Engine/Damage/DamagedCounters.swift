import Store

extension Engine {
    /// Reads the numbers to be given out next. When they are damaged they go on behind every number that
    /// a row holds, and behind every one that can have been given out by now.
    func readCounters(_ rows: borrowing Transaction) throws {
        do {
            counters = try Counters(reading: rows)
            // A row whose key is damaged can't be found.
            guard try !rows.contains(Tables.counters, Counters.key), try highestQueue(rows) > 0
            else { return }
            damage.append("the counters are gone, and numbers go on from higher ones")
        } catch let error as StoreError {
            guard case .damaged(Tables.counters, _) = error.code else { throw error }
            let sentence = "the counters are set aside, and numbers go on from higher ones"
            try setAside(Tables.counters, Counters.key, sentence, error, rows)
        }
        try recoverCounters(rows)
    }

    private func recoverCounters(_ rows: borrowing Transaction) throws {
        counters.nextJob = try highestJob(rows) + 1
        counters.nextToken = try highestToken(rows) + 1
        counters.leap(to: stamp.now)
        counters.nextQueue = UInt32(clamping: try highestQueue(rows) + 1)
    }

    private func highestJob(_ rows: borrowing Transaction) throws -> UInt64 {
        var highest: UInt64 = 0
        // A key may be what is damaged.
        func note(_ id: UInt64) {
            if id < 1 << EngineLimits.jobIDBits { highest = max(highest, id) }
        }
        for table in [Tables.jobs, Tables.pieces, Tables.leases, Tables.staging] {
            note(number(try lastKey(table, rows), 0))
        }
        _ = try rows.survey(Tables.staging) { key, reader in
            note(try key.u64() + UInt64(try reader.u32()))
        }
        _ = try rows.survey(Tables.producers) { _, reader in
            for run in try Producer(from: &reader).runs { note(run.endJob) }
        }
        _ = try rows.survey(Tables.damaged) { key, _ in
            if try key.u8() == Tables.jobs.id { note(try key.u64()) }
        }
        return highest
    }

    private func highestToken(_ rows: borrowing Transaction) throws -> UInt64 {
        var highest: UInt64 = 0
        let damaged = try rows.survey(Tables.leases) { key, _ in
            highest = max(highest, try LeaseKey(from: &key).token)
        }
        return max(highest, damaged.map { number($0.key, 8) }.filter { $0 < 1 << 62 }.max() ?? 0)
    }

    private func highestQueue(_ rows: borrowing Transaction) throws -> UInt64 {
        var highest: UInt64 = 0
        for table in [Tables.queues, Tables.names, Tables.index] {
            highest = max(highest, number(try lastKey(table, rows), 0, bytes: 4))
        }
        return highest
    }

    /// The bytes of a table's last key; none when it is empty.
    private func lastKey(_ table: Table, _ rows: borrowing Transaction) throws -> [UInt8] {
        do {
            let key = try rows.last(table, atOrBefore: .last) { key, _ in key.whole }
            return key?.withBytes { Array($0) } ?? []
        } catch let error as StoreError {
            guard case .damaged(_, let key) = error.code else { throw error }
            return key
        }
    }
}
