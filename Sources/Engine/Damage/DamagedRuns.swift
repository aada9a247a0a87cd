import Store

extension Engine {
    /// Puts the damaged ready runs of a queue together again, from the jobs behind their first ones, and
    /// counts its ready jobs anew.
    func mendRuns(ofQueue id: UInt32, _ rows: borrowing Transaction) throws {
        let (start, end) = (Key.ready(id, 0, 0), Key.ready(id, .max, .max))
        var begins: [ReadyRuns.Run] = []
        let damaged = try rows.survey(Tables.ready, from: start, to: end) { key, _ in
            begins.append(try key.run())
        }
        for row in damaged {
            begins.append(row.run)
            let sentence = "a run of ready jobs is set aside and put together from its jobs"
            try setAside(Tables.ready, Key(row.key), sentence, row.error, rows)
        }
        guard let queue = place(ofQueue: id) else { return }
        for row in damaged {
            var run = row.run
            let next = begins.filter { $0.order == run.order && $0.jobs.first > run.jobs.first }
            let limit = next.map(\.jobs.first).min() ?? .max
            run.jobs.count =
                try queues[queue].ready.headCount(storedAt: run)
                ?? waitingJobs(from: run, before: limit, queue, rows)
            guard run.jobs.count > 0 else { continue }
            try rows.put(Tables.ready, .ready(id, run.order, run.jobs.first)) {
                $0.u32(run.jobs.count)
            }
        }
        try recountReady(queue, rows)
    }

    /// Sets a queue's counter of ready jobs to what its runs hold.
    func recountReady(_ queue: Int, _ rows: borrowing Transaction) throws {
        let id = queues[queue].id
        var stored: UInt64 = 0
        _ = try rows.survey(
            Tables.ready, from: .ready(id, 0, 0), to: .ready(id, .max, .max)
        ) { _, reader in stored += UInt64(try reader.u32()) }
        let (more, less) = queues[queue].ready.setStored(stored)
        count(queue) {
            $0.ready += more
            $0.ready.lower(by: less)
        }
    }

    /// How many consecutive jobs wait in no other place.
    private func waitingJobs(
        from run: ReadyRuns.Run, before limit: UInt64, _ queue: Int, _ rows: borrowing Transaction
    ) throws -> UInt32 {
        var id = run.jobs.first
        while id < limit, id - run.jobs.first < UInt32.max,
            try waits(id, order: run.order, queue, rows)
        {
            id += 1
        }
        return UInt32(id - run.jobs.first)
    }

    private func waits(
        _ id: UInt64, order: UInt8, _ queue: Int, _ rows: borrowing Transaction
    ) throws -> Bool {
        guard !queues[queue].ready.hasArrived(id, order: order) else { return false }
        guard let row = try load(id, rows) else {
            // A job that was set aside keeps its place until it would be delivered.
            return try rows.contains(Tables.damaged, .damaged(Tables.jobs, .job(id)))
        }
        let isHere = row.state == .ready && row.queue == queues[queue].id && row.order == order
        return try isHere && !isLeased(id, rows)
    }
}

extension KeyReader {
    /// Where the run of a key begins.
    fileprivate mutating func run() throws -> ReadyRuns.Run {
        _ = try u32()
        return ReadyRuns.Run(order: try u8(), jobs: JobRun(first: try u64(), count: 0))
    }
}

extension DamagedRow {
    fileprivate var run: ReadyRuns.Run {
        ReadyRuns.Run(
            order: UInt8(number(key, 4, bytes: 1)), jobs: JobRun(first: number(key, 5), count: 0))
    }
}
