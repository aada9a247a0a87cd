package import Store

/// Deleting queues, with their jobs in bounded steps of as many turns as it takes.
extension Engine {
    /// Deletes a queue that has no jobs; with `force`, its jobs first. Until it is gone it takes and
    /// delivers nothing.
    /// - Returns: the number of jobs that keep it from being deleted; 0: it is, or is being, deleted.
    package func deleteQueue(
        _ queue: QueueIndex, force: Bool, _ rows: borrowing Transaction
    ) throws -> UInt64 {
        let jobs = queues[queue.value].row.jobs
        if jobs == 0 {
            try removeQueue(queue.value, rows)
            return 0
        }
        guard force else { return jobs }
        guard !queues[queue.value].isBeingDeleted else { return 0 }
        var settings = settings(of: queue)
        settings.deletingSince = stamp.now
        queues[queue.value].row.settings = settings
        queues[queue.value].settingsChanged()
        touch(queue.value)
        deletingQueues.append(queue.value)
        return 0
    }

    /// Removes jobs of queues that are being deleted, as many as steps allow.
    func deleteQueues(_ steps: inout Steps, _ rows: borrowing Transaction) throws {
        while steps.areLeft(rows), let queue = deletingQueues.first {
            try queues[queue].ready.flush(rows)
            try writePendingRuns(rows)
            if let (place, run) = try firstListed(ofQueue: queues[queue].id, rows) {
                for id in run.first..<run.end {
                    guard steps.areLeft(rows) else { break }
                    steps -= 1
                    try purge(id, from: place, queue, rows)
                }
            } else if try !purgeLeases(ofQueue: queue, &steps, rows) {
                deletingQueues.removeFirst()
                try removeQueue(queue, rows)
            }
        }
    }

    private func firstListed(
        ofQueue queue: UInt32, _ rows: borrowing Transaction
    ) throws -> (IndexPlace, JobRun)? {
        let start = IndexPlace(queue, .scheduled).key(0)
        let found = try rows.first(Tables.index, atOrAfter: start) {
            key, reader -> (IndexPlace, JobRun)? in
            guard try key.u32() == queue, let state = JobState(rawValue: try key.u8()) else {
                return nil
            }
            let place = IndexPlace(queue, state, order: try key.u8())
            return (place, JobRun(first: try key.u64(), count: try reader.u32()))
        }
        return found ?? nil
    }

    /// Removes a job that is listed in a place, as if it had never been.
    private func purge(
        _ id: UInt64, from place: IndexPlace, _ queue: Int, _ rows: borrowing Transaction
    ) throws {
        guard var row = try load(id, rows) else {
            // Damaged: only its place is known.
            count(queue) { $0.remove(1, from: place.state, bytes: 0) }
            guard place.state == .ready else {
                try place.remove(JobRun(first: id, count: 1), rows)
                return
            }
            return try queues[queue].ready.remove(id, order: place.order, rows)
        }
        try leave(id, row, place.state, queue, rows)
        try forgetUnfinished(id, &row, rows)
    }

    private func forgetUnfinished(
        _ id: UInt64, _ row: inout JobRow, _ rows: borrowing Transaction
    ) throws {
        if !row.state.isFinished { try dropUnfinished(id, &row, rows) }
        if watched.contains(id) { finishedWatched.append(id) }
        try forget(id, &row, rows)
    }

    /// Takes running jobs from their workers and removes them: some in a turn, on walks over all leases
    /// until one has met none of the queue's.
    /// - Returns: whether there may be more.
    private func purgeLeases(
        ofQueue queue: Int, _ steps: inout Steps, _ rows: borrowing Transaction
    ) throws -> Bool {
        try writeExtensions(rows)
        try writeLeases(rows)
        let from = purgeWalk?.next ?? PurgeWalk.start
        var (found, next) = try mending(rows) {
            try leases(ofQueue: queues[queue].id, from, &steps, rows)
        }
        for (index, (key, lease)) in found.enumerated() {
            if index > 0, !steps.hasRoom(rows) {
                next = key
                break
            }
            try purge(key, lease, queue, rows)
        }
        let hasMet = !found.isEmpty || purgeWalk?.hasMet == true
        purgeWalk = next.map { PurgeWalk(next: $0, hasMet: hasMet) }
        return hasMet || next != nil
    }

    private func leases(
        ofQueue queue: UInt32, _ from: LeaseKey, _ steps: inout Steps,
        _ rows: borrowing Transaction
    ) throws -> (found: [(LeaseKey, LeaseRow)], next: LeaseKey?) {
        var found: [(LeaseKey, LeaseRow)] = []
        var next: LeaseKey?
        var stepsLeft = steps.left
        try rows.scan(Tables.leases, from: from.key) { key, reader in
            let key = try LeaseKey(from: &key)
            guard stepsLeft > 0 else {
                next = key
                return .stop
            }
            stepsLeft -= 1
            let lease = try LeaseRow(from: &reader)
            guard lease.queue == queue else { return .next }
            stepsLeft -= lease.jobs.count
            found.append((key, lease))
            return .next
        }
        steps -= steps.left - stepsLeft
        return (found, next)
    }

    private func purge(
        _ key: LeaseKey, _ lease: LeaseRow, _ queue: Int, _ rows: borrowing Transaction
    ) throws {
        var credit = DeliveryCredit(
            session: lease.session, subscription: lease.subscription, token: key.token, bytes: 0,
            jobs: lease.jobs.count)
        var empty = lease
        empty.jobs = JobSet()
        touchedLeases[key] = empty
        count(queue) { $0.running.lower(by: UInt64(lease.jobs.count)) }
        for offset in lease.jobs.offsets {
            guard var row = try load(key.first + offset, rows) else { continue }
            credit.bytes += Int(row.payloadBytes)
            try forgetUnfinished(key.first + offset, &row, rows)
        }
        lapsed.append(credit)
    }

    private func removeQueue(_ queue: Int, _ rows: borrowing Transaction) throws {
        // Its last jobs may have left in this turn.
        try mending(rows) { try queues[queue].ready.flush(rows) }
        _ = try rows.delete(Tables.queues, .queue(queues[queue].id))
        _ = try rows.delete(Tables.names, .queue(queues[queue].id))
        try times.forget(queue: queues[queue].id, rows)
        try forgetGroups(ofQueue: queues[queue].id, rows)
        queuePlaces[queues[queue].id] = nil
        queues[queue].isDeleted = true
        deletedQueues += 1
    }
}

/// A walk over all leases in search of those of the queue that is being deleted. Meanwhile leases move to
/// greater keys only.
struct PurgeWalk {
    var next: LeaseKey
    /// Whether it has met any.
    var hasMet: Bool

    static let start = LeaseKey(first: 0, token: 0)
}
