import Store

extension Engine {
    /// Puts the damaged index runs of a queue together again, from the jobs behind their first ones, and
    /// counts the queue's jobs anew.
    func mendRuns(ofQueue id: UInt32, _ rows: borrowing Transaction) throws {
        var begins: [IndexPlace: [UInt64]] = [:]
        let damaged = try surveyIndex(ofQueue: id, rows) { place, run in
            begins[place, default: []].append(run.first)
        }
        for row in damaged {
            if let (place, first) = row.indexRun { begins[place, default: []].append(first) }
            let sentence = "a run of listed jobs is set aside and put together from its jobs"
            try setAside(Tables.index, Key(row.key), sentence, row.error, rows)
        }
        guard let queue = place(ofQueue: id) else { return }
        for case (let place, let first)? in damaged.map(\.indexRun) {
            let limit = begins[place]?.filter { $0 > first }.min() ?? .max
            let stored = JobRun(first: first, count: 0)
            let count =
                try queues[queue].ready.headCount(storedAt: .init(order: place.order, jobs: stored))
                ?? listedJobs(in: place, from: first, before: limit, queue, rows)
            guard count > 0 else { continue }
            try rows.put(Tables.index, place.key(first)) { $0.u32(count) }
        }
        try recountListed(queue, rows)
    }

    /// Sets a queue's counters of jobs that do not run to what its runs hold.
    func recountListed(_ queue: Int, _ rows: borrowing Transaction) throws {
        var stored: [JobState: UInt64] = [:]
        _ = try surveyIndex(ofQueue: queues[queue].id, rows) { place, run in
            stored[place.state, default: 0] += UInt64(run.count)
        }
        let (more, less) = queues[queue].ready.setStored(stored[.ready] ?? 0)
        count(queue) {
            $0.ready += more
            $0.ready.lower(by: less)
            $0.scheduled = stored[.scheduled] ?? 0
            $0.retained = stored[.completed] ?? 0
            $0.dead = stored[.dead] ?? 0
            $0.cancelled = stored[.cancelled] ?? 0
            $0.expired = stored[.expired] ?? 0
        }
    }

    private func surveyIndex(
        ofQueue id: UInt32, _ rows: borrowing Transaction,
        _ body: (IndexPlace, JobRun) -> Void
    ) throws -> [DamagedRow] {
        try writePendingRuns(rows)
        let start = Key.queue(id)
        let end = Key.queue(id < .max ? id + 1 : id)
        return try rows.survey(Tables.index, from: start, to: end) { key, reader in
            _ = try key.u32()
            guard let state = JobState(rawValue: try key.u8()) else { return }
            let place = IndexPlace(id, state, order: try key.u8())
            body(place, JobRun(first: try key.u64(), count: try reader.u32()))
        }
    }

    /// How many consecutive jobs are in a place and in no other.
    private func listedJobs(
        in place: IndexPlace, from first: UInt64, before limit: UInt64, _ queue: Int,
        _ rows: borrowing Transaction
    ) throws -> UInt32 {
        var id = first
        while id < limit, id - first < UInt32.max, try isListed(id, in: place, queue, rows) {
            id += 1
        }
        return UInt32(id - first)
    }

    private func isListed(
        _ id: UInt64, in place: IndexPlace, _ queue: Int, _ rows: borrowing Transaction
    ) throws -> Bool {
        guard !queues[queue].ready.hasArrived(id, order: place.order) else { return false }
        guard let row = try load(id, rows) else {
            // A job that was set aside keeps its place until it would leave it.
            return try rows.contains(Tables.damaged, .damaged(Tables.jobs, .job(id)))
        }
        guard row.queue == place.queue else { return false }
        if let finished = row.state.finished { return finished == place.state }
        let due = TimerPlace.ready(
            row.history?.dueAt ?? 0, queue: row.queue, order: row.order)
        let isScheduled = try due.due > 0 && due.contains(id, rows)
        switch place.state {
        case .scheduled: return isScheduled
        case .ready: return try row.order == place.order && !isScheduled && !isLeased(id, rows)
        default: return false
        }
    }
}

extension DamagedRow {
    /// Where a run of the index is, and its first job.
    fileprivate var indexRun: (IndexPlace, UInt64)? {
        guard key.count == 14, let state = JobState(rawValue: key[4]) else { return nil }
        let queue = UInt32(number(key, 0, bytes: 4))
        return (IndexPlace(queue, state, order: key[5]), number(key, 6))
    }
}
