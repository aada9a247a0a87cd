import Store

/// Where a job is. Every job that does not run is in exactly one run of the index, and a scheduled or
/// finished one in exactly one run of timers; a running one is in exactly one lease. Counters change
/// with the place.
///
/// Whoever changes a job's state lets it `leave`, changes its row, and lets it `enter` or `finish`.
extension Engine {
    /// The state of a job that has this row.
    func state(of id: UInt64, _ row: JobRow, _ rows: borrowing Transaction) throws -> JobState {
        if let finished = row.state.finished { return finished }
        let queue = try index(ofQueue: row.queue)
        if try queues[queue].ready.contains(id, order: row.order, rows) { return .ready }
        let scheduled = IndexPlace(row.queue, .scheduled)
        let isScheduled =
            try pendingIndex.contains(id, in: scheduled)
            ?? mending(rows) { try scheduled.contains(id, rows) }
        return isScheduled ? .scheduled : .running
    }

    /// Puts a job into a state: its place, its counter, and its timer if it has one. The row must say
    /// when it is due or vanishes, and is written by the caller.
    func enter(
        _ id: UInt64, _ row: JobRow, _ state: JobState, _ queue: Int,
        _ rows: borrowing Transaction
    ) throws {
        count(queue) { $0.add(1, to: state, bytes: UInt64(row.payloadBytes)) }
        try list(id, row, state, queue, rows)
    }

    /// The same for a job that is counted already.
    func list(
        _ id: UInt64, _ row: JobRow, _ state: JobState, _ queue: Int,
        _ rows: borrowing Transaction
    ) throws {
        switch state {
        case .ready:
            let order = row.order
            try mending(rows) { try queues[queue].ready.insert(id, order: order, rows) }
        case .scheduled:
            if !isPlanted(.indexRowForgotten) {
                pendingIndex.add(id, to: IndexPlace(row.queue, .scheduled))
            }
            let due = row.history?.dueAt ?? 0
            pendingTimers.add(id, to: .ready(due, queue: row.queue, order: row.order))
        case .running, .held: preconditionFailure("a job begins to run by its delivery alone")
        case .completed, .dead, .cancelled, .expired:
            pendingIndex.add(id, to: IndexPlace(row.queue, state))
            let vanishAt = row.history?.vanishAt ?? 0
            pendingTimers.add(id, to: .retention(vanishAt, queue: row.queue, state))
        }
    }

    /// Takes a job out of the state that it is in, with the timer of that state. A running job loses
    /// its lease, and its worker gets the credit back.
    func leave(
        _ id: UInt64, _ row: JobRow, _ state: JobState, _ queue: Int,
        _ rows: borrowing Transaction
    ) throws {
        if state == .running { return try takeFromWorker(id, row, queue, rows) }
        count(queue) { $0.remove(1, from: state, bytes: UInt64(row.payloadBytes)) }
        if state == .ready { return try queues[queue].ready.remove(id, order: row.order, rows) }
        pendingIndex.remove(id, from: IndexPlace(row.queue, state))
        if state == .scheduled {
            let due = row.history?.dueAt ?? 0
            pendingTimers.remove(id, from: .ready(due, queue: row.queue, order: row.order))
        } else {
            let vanishAt = row.history?.vanishAt ?? 0
            pendingTimers.remove(id, from: .retention(vanishAt, queue: row.queue, state))
        }
    }

    private func takeFromWorker(
        _ id: UInt64, _ row: JobRow, _ queue: Int, _ rows: borrowing Transaction
    ) throws {
        guard let (key, lease) = try findLease(of: id, rows) else { return }
        touchedLeases.remove(id, from: key, lease)
        count(queue) { $0.running.lower() }
        lapsed.append(
            DeliveryCredit(
                session: lease.session, subscription: lease.subscription, token: key.token,
                bytes: Int(row.payloadBytes), jobs: 1))
    }

    /// Removes everything that is stored of a finished job, except for its place.
    func forget(_ id: UInt64, _ row: inout JobRow, _ rows: borrowing Transaction) throws {
        if row.isInGroup { try leaveGroup(id, row, rows) }
        if row.hasNotes { try forgetNotes(id, rows) }
        if row.hasOptions { try release(id, &row, rows) }
        try deletePayload(id, row, rows)
        if let result = row.result { unrefer(result) }
        if row.resultPlace == .pieces {
            try deletePieces(row.resultBytes, of: row.stagedResult ?? id, .result, rows)
        }
        if let staged = row.stagedResult { try forgetOwner(ofStaged: staged, rows) }
        _ = try rows.delete(Tables.jobs, .job(id))
    }

    /// Writes what the turn has changed of the places of jobs, so that rows alone say where they are.
    func writePlaces(_ rows: borrowing Transaction) throws {
        try writeExtensions(rows)
        try writeLeases(rows)
        try writePendingRuns(rows)
        for queue in changedQueues { try queues[queue].ready.flush(rows) }
    }

    /// Writes what the turn has added to runs of the index and of timers, and taken out of them.
    func writePendingRuns(_ rows: borrowing Transaction) throws {
        try mending(rows) { try pendingIndex.write(rows) }
        try mending(rows) { try pendingTimers.write(rows) }
    }
}

extension QueueRow {
    /// - Parameter bytes: of their payloads.
    mutating func add(_ jobs: UInt64, to state: JobState, bytes: UInt64) {
        switch state {
        case .scheduled:
            scheduled += jobs
            waitingBytes += bytes
        case .ready:
            ready += jobs
            waitingBytes += bytes
        case .running: running += jobs
        case .held: held += jobs
        case .completed: retained += jobs
        case .dead: dead += jobs
        case .cancelled: cancelled += jobs
        case .expired: expired += jobs
        }
    }

    /// Damage may have taken what was counted: nothing is counted below zero.
    mutating func remove(_ jobs: UInt64, from state: JobState, bytes: UInt64) {
        switch state {
        case .scheduled: scheduled.lower(by: jobs)
        case .ready: ready.lower(by: jobs)
        case .running: running.lower(by: jobs)
        case .held: held.lower(by: jobs)
        case .completed: retained.lower(by: jobs)
        case .dead: dead.lower(by: jobs)
        case .cancelled: cancelled.lower(by: jobs)
        case .expired: expired.lower(by: jobs)
        }
        guard state < .running else { return }
        waitingBytes.lower(by: bytes)
        // Nobody knows how long a payload was whose record is damaged.
        if waiting == 0 { waitingBytes = 0 }
    }
}
