import Store

extension Verifier {
    func lookAtGroups<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        try visit(Tables.groups, from: place, rows) { key, reader in
            let queue = try key.u32()
            let fingerprint = try key.u64()
            let group = try GroupRow(from: &reader)
            expect(
                group.jobs > 0, Tables.groups, "queue \(queue) has an empty group \(fingerprint)")
        }
    }

    func lookAtActions<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        try visit(Tables.actions, from: place, rows) { _, _ in }
    }

    func lookAtTimes<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        try visit(Tables.times, from: place, rows) { key, _ in
            let queue = try key.u32()
            expect(try queueExists(queue, rows), Tables.times, "times are of no queue \(queue)")
        }
    }

    // MARK: Counters

    /// What the rows of a queue come to.
    private struct Sums {
        var row = QueueRow(name: "")
        /// Dead jobs by fingerprint.
        var groups: [UInt64: UInt64] = [:]
    }

    /// Adds everything up that is counted somewhere.
    func addUp<Source: Rows & ~Copyable>(_ rows: borrowing Source) throws -> Place? {
        var sums: [UInt32: Sums] = [:]
        var highest = (job: UInt64(0), token: UInt64(0), queue: UInt32(0))
        try visitAll(Tables.index, rows) { key, row in
            let run = try IndexRun(from: &key, &row)
            guard let state = JobState(rawValue: run.state) else { return }
            sums[run.queue, default: Sums()].row.add(UInt64(run.jobs.count), to: state, bytes: 0)
        }
        try visitAll(Tables.leases, rows) { key, row in
            highest.token = max(highest.token, try LeaseKey(from: &key).token)
            let lease = try LeaseRow(from: &row)
            sums[lease.queue, default: Sums()].row.running += UInt64(lease.jobs.count)
        }
        try visitAll(Tables.jobs, rows) { key, row in
            let id = try key.u64()
            highest.job = max(highest.job, id)
            let row = try JobRow(from: &row)
            if row.state == .waiting, try lease(of: id, rows) == nil {
                sums[row.queue, default: Sums()].row.waitingBytes += UInt64(row.payloadBytes)
            }
            if row.state == .dead, let fingerprint = row.history?.failure.fingerprint {
                sums[row.queue, default: Sums()].groups[fingerprint, default: 0] += 1
            }
        }
        let isDamaged = try hasDamagedJobs(rows)
        try visitAll(Tables.queues, rows) { key, row in
            let id = try key.u32()
            highest.queue = max(highest.queue, id)
            let queue = try QueueRow(from: &row)
            try compare(id, queue, sums[id] ?? Sums(), isDamaged: isDamaged, rows)
        }
        try judge(highest, rows)
        try judgeProducers(rows)
        return nil
    }

    /// Each producer has one timer, which may be older than its row.
    private func judgeProducers<Source: Rows & ~Copyable>(_ rows: borrowing Source) throws {
        var timers: [UInt64: Int] = [:]
        try visitAll(Tables.timers, rows) { key, _ in
            let timer = try Timer(from: &key)
            if timer.kind == .producer { timers[timer.first, default: 0] += 1 }
        }
        try visitAll(Tables.producers, rows) { key, _ in
            let id = try key.u64()
            let count = timers[id, default: 0]
            expect(count == 1, Tables.producers, "producer \(id) has \(count) timers")
        }
    }

    private func hasDamagedJobs<Source: Rows & ~Copyable>(
        _ rows: borrowing Source
    ) throws -> Bool {
        if problems.contains(where: { $0.isDamage && $0.table == Tables.jobs }) { return true }
        let first = Key().adding(u8: Tables.jobs.id)
        return try rows.first(Tables.damaged, atOrAfter: first) { key, _ in
            try key.u8() == Tables.jobs.id
        } ?? false
    }

    private func compare<Source: Rows & ~Copyable>(
        _ id: UInt32, _ stored: QueueRow, _ sums: Sums, isDamaged: Bool, _ rows: borrowing Source
    ) throws {
        var counted = sums.row
        counted.name = stored.name
        counted.totals = stored.totals
        counted.settings = stored.settings
        expect(
            counted == stored, Tables.queues, "queue \(stored) should be \(counted)")
        var groups: [UInt64: UInt64] = [:]
        try rows.scan(
            Tables.groups, from: .queue(id), to: id == .max ? nil : .queue(id + 1)
        ) { key, row in
            _ = try key.u32()
            groups[try key.u64()] = try GroupRow(from: &row).jobs
            return .next
        }
        // Nor of which error a dead job died whose record is damaged.
        let isRight =
            isDamaged
            ? sums.groups.allSatisfy { groups[$0.key, default: 0] >= $0.value }
            : groups == sums.groups
        expect(
            isRight, Tables.groups,
            "queue \(stored.name) has groups \(groups), which should be \(sums.groups)")
    }

    private func judge<Source: Rows & ~Copyable>(
        _ highest: (job: UInt64, token: UInt64, queue: UInt32), _ rows: borrowing Source
    ) throws {
        let counters = try Counters(reading: rows)
        expect(
            counters.nextJob > highest.job, Tables.counters, "a job's id will be given again")
        expect(
            counters.nextToken > highest.token, Tables.counters,
            "a lease token will be given again")
        expect(
            counters.nextQueue > highest.queue, Tables.counters, "a queue's id will be given again")
    }
}
