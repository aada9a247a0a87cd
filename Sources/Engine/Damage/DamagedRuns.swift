import Store

/// A run of the index by its place, while the index is put together again.
private struct ListedRun {
    var place: IndexPlace
    var jobs: JobRun
}

extension Engine {
    /// Puts the damaged runs of a queue's jobs together again, from the jobs behind their first ones, and
    /// counts its ready jobs anew.
    func mendRuns(ofQueue id: UInt32, _ rows: borrowing Transaction) throws {
        let (start, end) = (Key.queue(id), Key.queue(id + 1))
        var begins: [ListedRun] = []
        let damaged = try rows.survey(Tables.index, from: start, to: end) { key, _ in
            if let run = try key.run() { begins.append(run) }
        }
        for row in damaged {
            if let run = row.run { begins.append(run) }
            let sentence = "a run of jobs is set aside and put together from its jobs"
            try setAside(Tables.index, Key(row.key), sentence, row.error, rows)
        }
        guard let queue = place(ofQueue: id) else { return }
        for var run in damaged.compactMap(\.run) {
            let next = begins.filter { $0.place == run.place && $0.jobs.first > run.jobs.first }
            let limit = next.map(\.jobs.first).min() ?? .max
            run.jobs.count = try headCount(run, queue) ?? jobs(in: run, before: limit, rows)
            guard run.jobs.count > 0 else { continue }
            try rows.put(Tables.index, run.place.key(run.jobs.first)) { $0.u32(run.jobs.count) }
        }
        try recountListed(queue, rows) { _, _ in }
    }

    private func headCount(_ run: ListedRun, _ queue: Int) -> UInt32? {
        guard run.place.state == .ready else { return nil }
        return queues[queue].ready.headCount(
            storedAt: ReadyRuns.Run(order: run.place.order, jobs: run.jobs))
    }

    /// Sets a queue's counter of ready jobs to what its runs hold.
    /// - Parameter others: is given what they hold of jobs in other states, too.
    func recountListed(
        _ queue: Int, _ rows: borrowing Transaction,
        _ others: (inout QueueRow, [JobState: UInt64]) -> Void
    ) throws {
        let id = queues[queue].id
        var found: [JobState: UInt64] = [:]
        _ = try rows.survey(Tables.index, from: .queue(id), to: .queue(id + 1)) { key, reader in
            guard let run = try key.run() else { return }
            found[run.place.state, default: 0] += UInt64(try reader.u32())
        }
        let (more, less) = queues[queue].ready.setStored(found[.ready] ?? 0)
        count(queue) {
            $0.ready += more
            $0.ready.lower(by: less)
            others(&$0, found)
        }
    }

    /// How many consecutive jobs are in no other place.
    private func jobs(
        in run: ListedRun, before limit: UInt64, _ rows: borrowing Transaction
    ) throws -> UInt32 {
        var id = run.jobs.first
        while id < limit, id - run.jobs.first < UInt32.max, try isListed(id, in: run.place, rows) {
            id += 1
        }
        return UInt32(id - run.jobs.first)
    }

    private func isListed(
        _ id: UInt64, in place: IndexPlace, _ rows: borrowing Transaction
    ) throws -> Bool {
        // One that leaves in this turn is still to be taken out; its row may be gone already.
        if pendingIndex.contains(id, in: place) == false { return true }
        let queue = try index(ofQueue: place.queue)
        guard !queues[queue].ready.hasArrived(id, order: place.order) else { return false }
        // What the turn has changed and not written: the stored run is as it was before.
        if let willBeThere = pendingIndex.contains(id, in: place) { return !willBeThere }
        guard let row = try load(id, rows) else {
            // A job that was set aside keeps its place until it would be delivered, or vanish.
            return try rows.contains(Tables.damaged, .damaged(Tables.jobs, .job(id)))
        }
        guard row.queue == place.queue else { return false }
        if place.state.isFinished { return row.state.finished == place.state }
        guard row.state == .waiting, try !isLeased(id, rows) else { return false }
        let isScheduled = (row.history?.dueAt ?? 0) > stamp.now
        return place.state == .scheduled
            ? isScheduled : row.order == place.order && !isScheduled
    }
}

extension KeyReader {
    /// Where the run of a key begins.
    fileprivate mutating func run() throws -> ListedRun? {
        let queue = try u32()
        guard let state = JobState(rawValue: try u8()) else { return nil }
        let place = IndexPlace(queue, state, order: try u8())
        return ListedRun(place: place, jobs: JobRun(first: try u64(), count: 0))
    }
}

extension DamagedRow {
    fileprivate var run: ListedRun? {
        guard key.count == 14, let state = JobState(rawValue: key[4]) else { return nil }
        let place = IndexPlace(UInt32(number(key, 0, bytes: 4)), state, order: key[5])
        return ListedRun(place: place, jobs: JobRun(first: number(key, 6), count: 0))
    }
}
