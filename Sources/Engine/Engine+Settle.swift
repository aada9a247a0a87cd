package import Store

/// What a worker says of a job that it holds.
package enum Verdict {
    /// The pieces of a result that was staged are stored under `staged` already.
    case complete(result: StoredPayload?, staged: UInt64? = nil)
    /// The reason is UTF-8, at most `EngineLimits.errorBytesMax` bytes.
    case fail(reason: UnsafeRawBufferPointer)
    case release
    /// Milliseconds from now.
    case extend(UInt64)
}

/// Whose credit a settlement gives back.
package struct DeliveryCredit: Sendable, Equatable {
    package var session: UInt64
    package var subscription: UInt32
    /// That of the delivery: a later subscription of the same number has greater ones.
    package var token: UInt64
    /// Payload bytes; 0 and `jobs` 0 when the job goes on running.
    package var bytes: Int
    package var jobs: Int
}

extension Engine {
    /// Carries out a settlement, if the token is that of the job's delivery and the lease is the session's.
    /// - Returns: nil when it is not: the lease is lost, and nothing was changed.
    package func settle(
        _ id: UInt64, token: UInt64, session: UInt64, _ verdict: Verdict,
        _ rows: borrowing Transaction
    ) throws -> DeliveryCredit? {
        guard let (key, lease) = try findLease(of: id, token: token, rows), lease.session == session
        else {
            return nil
        }
        if case .extend(let milliseconds) = verdict {
            extend(id, key, lease, until: stamp.now + milliseconds)
            return DeliveryCredit(
                session: session, subscription: lease.subscription, token: token, bytes: 0, jobs: 0)
        }
        let row = try load(id, rows)
        touchedLeases[key, default: lease].jobs.remove(id - key.first)
        let queue = try index(ofQueue: lease.queue)
        count(queue) { $0.running -= 1 }
        guard let row else {
            lapsed.append(
                DeliveryCredit(
                    session: session, subscription: lease.subscription, token: token, bytes: 0,
                    jobs: 1))
            return nil
        }
        switch verdict {
        case .complete(let result, let staged):
            try complete(id, row, lease, queue, result, staged, rows)
        case .fail(let reason): try fail(id, row, lease, queue, reason, rows)
        case .release:
            try giveBack(id, row, startedAt: lease.startedAt, queue, as: .interruption, rows)
        case .extend: break
        }
        return DeliveryCredit(
            session: session, subscription: lease.subscription, token: token,
            bytes: Int(row.payloadBytes), jobs: 1)
    }

    // MARK: Ends of an attempt

    private func complete(
        _ id: UInt64, _ stored: JobRow, _ lease: LeaseRow, _ queue: Int, _ result: StoredPayload?,
        _ staged: UInt64?, _ rows: borrowing Transaction
    ) throws {
        var row = stored
        count(queue) { $0.completed += 1 }
        let keep = retention(row.retainCompleted, id)
        try forgetProgress(id, row, rows)
        guard keep > 0 else {
            if let staged, let result { try discardStaged(result, staged, rows) }
            return try forget(id, row, rows)
        }
        if row.payloadPlace == .pieces {
            try deletePieces(row.payloadBytes, of: id, .payload, rows)
        }
        row.state = .completed
        row.payloadPlace = .dropped
        row.payload.bytes = .none
        row.history = JobRow.History(startedAt: lease.startedAt, finishedAt: stamp.now)
        if let result {
            row.result = result
            row.resultBytes = UInt32(result.bytes.count)
            row.resultPlace = result.bytes.count <= EngineLimits.inlineBytesMax ? .row : .pieces
            row.stagedResult = staged
            if row.resultPlace == .pieces, staged == nil {
                try putPieces(result.bytes, of: id, .result, rows)
            }
        }
        try save(row, id, rows)
        count(queue) { $0.retained += 1 }
        finished(id, keep: keep)
    }

    private func fail(
        _ id: UInt64, _ stored: JobRow, _ lease: LeaseRow, _ queue: Int,
        _ reason: UnsafeRawBufferPointer,
        _ rows: borrowing Transaction
    ) throws {
        var row = stored
        row.failures = row.failures.addingOne
        row.history = JobRow.History(startedAt: lease.startedAt, error: reason)
        guard row.failures < row.maxAttempts else { return try die(id, row, queue, rows) }
        let random = mixed(stamp.random, id)
        let due = stamp.now + row.backoff.delay(failures: row.failures, random: random)
        row.state = .scheduled
        row.history?.dueAt = due
        try save(row, id, rows)
        try forgetProgress(id, row, rows)
        try Timer(due: due, kind: .ready, id, UInt64(row.queue)).set(rows)
        count(queue) { $0.scheduled += 1 }
    }

    enum GivenBack { case interruption, crash(UnsafeRawBufferPointer) }

    /// Back to ready, at its old place; a job that has crashed too often is dead instead.
    func giveBack(
        _ id: UInt64, _ stored: JobRow, startedAt: UInt64, _ queue: Int, as end: GivenBack,
        _ rows: borrowing Transaction
    ) throws {
        var row = stored
        var history = row.history ?? JobRow.History()
        history.startedAt = startedAt
        switch end {
        case .interruption:
            row.interruptions = row.interruptions.addingOne
        case .crash(let reason):
            row.crashes = row.crashes.addingOne
            history.error = reason
        }
        row.history = history
        if case .crash = end, row.crashes >= row.maxAttempts {
            return try die(id, row, queue, rows)
        }
        row.state = .ready
        try save(row, id, rows)
        try forgetProgress(id, row, rows)
        count(queue) { $0.ready += 1 }
        try queues[queue].ready.insert(id, order: row.order, rows)
    }

    private func die(
        _ id: UInt64, _ stored: JobRow, _ queue: Int, _ rows: borrowing Transaction
    ) throws {
        var row = stored
        try forgetProgress(id, row, rows)
        let keep = retention(row.retainDead, id)
        guard keep > 0 else { return try forget(id, row, rows) }
        row.state = .dead
        row.history?.finishedAt = stamp.now
        row.history?.dueAt = 0
        try save(row, id, rows)
        count(queue) { $0.dead += 1 }
        finished(id, keep: keep)
    }

    // MARK: Retention

    private func retention(_ asked: UInt64, _ id: UInt64) -> UInt64 {
        watched.contains(id) ? max(asked, EngineLimits.watchedRetention) : asked
    }

    /// Notes that a job is to vanish, with all that finish in this turn and vanish at the same instant.
    private func finished(_ id: UInt64, keep: UInt64) {
        if watched.contains(id) { finishedWatched.append(id) }
        let grain = EngineLimits.retentionGrain
        let due = (stamp.now + keep + grain - 1) / grain * grain
        retained[due, default: []].append(id)
    }

    func writeRetention(_ rows: borrowing Transaction) throws {
        for (due, runs) in retained.sorted(by: { $0.key < $1.key }) {
            var start = 0
            while start < runs.count {
                let end = min(start + EngineLimits.retentionRunsMax, runs.count)
                let timer = Timer(due: due, kind: .retention, runs[start].first)
                try rows.put(Tables.timers, timer.key) { writer in
                    for run in runs[start..<end] {
                        writer.u64(run.first)
                        writer.u32(run.count)
                    }
                }
                start = end
            }
        }
        retained.removeAll(keepingCapacity: true)
    }

    // MARK: Progress

    /// Keeps what a handler says of its job while it runs.
    /// - Returns: false when the lease is lost.
    package func progress(
        _ id: UInt64, token: UInt64, session: UInt64, done: UInt16, message: String,
        _ rows: borrowing Transaction
    ) throws -> Bool {
        guard let (_, lease) = try findLease(of: id, token: token, rows), lease.session == session
        else {
            return false
        }
        try rows.put(Tables.progress, .job(id)) { writer in
            writer.u16(done)
            writer.bytes(Array(message.utf8))
        }
        hasProgress = true
        return true
    }

    /// Progress rows exist only where a handler reported any; a store in which none does is spared the look.
    private func forgetProgress(_ id: UInt64, _ row: JobRow, _ rows: borrowing Transaction) throws {
        if hasProgress { _ = try rows.delete(Tables.progress, .job(id)) }
    }
}

extension UInt16 {
    /// One more, staying at the largest value.
    var addingOne: UInt16 { self == .max ? .max : self + 1 }
}
