import Store

extension Verifier {
    // MARK: Numbers given out

    func lookAtNumbers<Source: Rows & ~Copyable>(_ rows: borrowing Source) throws -> Place? {
        guard let counters = try counters(rows, tellingDamage: true) else { return nil }
        saw(3)
        let job = try passingDamage {
            try rows.last(Tables.jobs, atOrBefore: .last) { key, _ in try key.u64() }
        }
        let queue = try passingDamage {
            try rows.last(Tables.queues, atOrBefore: .last) { key, _ in try key.u32() }
        }
        expect(
            counters.nextJob > job ?? 0, Tables.counters, "a job's id will be given again")
        expect(
            counters.nextQueue > queue ?? 0, Tables.counters, "a queue's id will be given again")
        return nil
    }

    private func counters<Source: Rows & ~Copyable>(
        _ rows: borrowing Source, tellingDamage: Bool = false
    ) throws -> Counters? {
        do {
            return try Counters(reading: rows)
        } catch let error as StoreError {
            guard case .damaged(let table, _) = error.code else { throw error }
            if tellingDamage { isDamaged(error, table) }
            return nil
        }
    }

    // MARK: Running jobs

    /// Adds up what leases hold, by queue.
    func addUpLeases<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        guard let before = carried(1, place) else { return nil }
        let nextToken = try counters(rows)?.nextToken ?? .max
        var running: [UInt32: UInt64] = [:]
        var next = try visitQuietly(Tables.leases, from: place, rows) { key, row in
            let key = try LeaseKey(from: &key)
            expect(key.token < nextToken, Tables.counters, "token \(key.token) will be given again")
            let lease = try LeaseRow(from: &row)
            running[lease.queue, default: 0] += UInt64(lease.jobs.count)
            return true
        }
        let digest = running.reduce(before[0]) { $0 &+ $1.value &* mixed(1, UInt64($1.key)) }
        next?.tally = [turn, digest]
        if next == nil { try judge(running, digest, isWhole: place.tally.isEmpty, rows) }
        return next
    }

    private func judge<Source: Rows & ~Copyable>(
        _ running: [UInt32: UInt64], _ digest: UInt64, isWhole: Bool, _ rows: borrowing Source
    ) throws {
        var counted: UInt64 = 0
        try quietly {
            try visitToTheEnd(Tables.queues, from: [], rows) { key, row in
                saw(1)
                let id = try key.u32()
                let queue = try QueueRow(from: &row)
                counted &+= queue.running &* mixed(1, UInt64(id))
                let held = running[id] ?? 0
                expect(
                    !isWhole || queue.running == held, Tables.queues,
                    "queue \(queue.name) counts \(queue.running) running jobs of \(held)")
                return true
            }
        }
        expect(
            isWhole || counted == digest, Tables.queues,
            "queues count other running jobs than leases hold")
    }

    // MARK: Producers

    /// Each producer has one timer, which may be older than its row. The timers are counted first, then
    /// the producers.
    func addUpProducers<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        guard let before = carried(2, place) else { return nil }
        var (digest, isAtProducers) = (before[0], before[1] > 0)
        var (timers, next): ([UInt64: Int], Place?) = ([:], nil)
        if !isAtProducers {
            next = try visitQuietly(Tables.timers, from: place, rows) { key, _ in
                let timer = try Timer(from: &key)
                guard timer.kind == .producer else { return true }
                timers[timer.first, default: 0] += 1
                digest &+= mixed(1, timer.first)
                return true
            }
            isAtProducers = next == nil
        }
        if isAtProducers {
            let isWhole = place.tally.isEmpty
            let start = before[1] > 0 ? place : Place(stage: place.stage)
            next = try visitQuietly(Tables.producers, from: start, rows) { key, _ in
                let id = try key.u64()
                digest &-= mixed(1, id)
                let count = timers[id] ?? 0
                expect(
                    !isWhole || count == 1, Tables.producers, "producer \(id) has \(count) timers")
                return true
            }
            expect(
                isWhole || next != nil || digest == 0, Tables.producers,
                "producers and their timers are not the same")
        }
        next?.tally = [turn, digest, isAtProducers ? 1 : 0]
        return next
    }
}
