package import Store

/// Jobs that were done.
extension Engine {
    func complete(
        _ id: UInt64, _ row: inout JobRow, _ lease: LeaseRow, _ queue: Int,
        _ result: StoredPayload?, _ staged: UInt64?, _ rows: borrowing Transaction
    ) throws {
        try deletePayload(id, row, rows)
        row.setCompleted(startedAt: lease.startedAt)
        // Why earlier attempts failed is of no use any more.
        row.history?.failure = Failure()
        if let result {
            refer(result)
            row.result = result
            row.resultBytes = UInt32(result.bytes.count)
            row.resultPlace = result.place
            row.stagedResult = staged
            if row.resultPlace == .pieces, staged == nil {
                try putPieces(result.bytes, of: id, .result, rows)
            }
            if let staged { try noteOwner(id, ofStaged: staged, rows) }
        }
        try finish(id, &row, as: .completed, queue, rows)
    }

    // MARK: Many at once

    /// Completes consecutive jobs of one delivery, without results, as long as nothing is to be done to them but to
    /// change or remove their rows: what `settle` does to each, at a fraction of the price.
    /// - Returns: the credit of those that were completed, the first of the run; nil when there are none, and `settle`
    ///   is to say what becomes of the first.
    package func complete(
        _ run: JobRun, token: UInt64, session: UInt64, _ rows: borrowing Transaction
    ) throws -> DeliveryCredit? {
        guard let (key, lease) = try findLease(of: run.first, token: token, rows),
            lease.session == session
        else { return nil }
        let queue = try index(ofQueue: lease.queue)
        let held = JobRun(
            first: run.first,
            count: lease.jobs.count(from: run.first - key.first, atMost: run.count))
        var done = Completions()
        pattern.forget()
        try removeCompleted(held, lease, queue, &done, rows)
        if let row = done.kept { try keepCompleted(row, held, queue, &done, rows) }
        guard done.count > 0 else { return nil }
        if done.hasPieces {
            let end = run.first + UInt64(done.count)
            try rows.clear(Tables.pieces, from: .job(run.first), to: .job(end))
        }
        touchedLeases.remove(JobRun(first: run.first, count: done.count), from: key, lease)
        count(queue) { $0.running.lower(by: UInt64(done.count)) }
        return DeliveryCredit(
            session: session, subscription: lease.subscription, token: token, bytes: done.bytes,
            jobs: Int(done.count))
    }

    /// Jobs that were completed one after the other.
    private struct Completions {
        var count: UInt32 = 0
        /// Of their payloads.
        var bytes = 0
        var hasPieces = false
        /// What those that are not counted yet have in common, and how many they are.
        var row: JobRow?
        var uncounted: UInt32 = 0
        /// As the next job is completed, if it is one of those that are kept.
        var kept: JobRow?

        mutating func add(_ payloadBytes: Int) {
            count += 1
            uncounted += 1
            bytes += payloadBytes
        }
    }

    /// Removes the rows of completed jobs, up to the first that is kept or needs more than that.
    private func removeCompleted(
        _ run: JobRun, _ lease: LeaseRow, _ queue: Int, _ done: inout Completions,
        _ rows: borrowing Transaction
    ) throws {
        try passingDamage {
            try rows.sweep(Tables.jobs, from: .job(run.first), to: .job(run.end)) { key, reader in
                let id = run.first + UInt64(done.count)
                guard try key.u64() == id, !isWatched(id) else { return .stop }
                let bytes = reader.unread
                if let payload = pattern.payload(of: bytes) {
                    done.add(Int(payload.byteCount))
                } else {
                    countEnds(of: &done, queue, isKept: false)
                    var row = try JobRow(from: &reader)
                    guard pattern.learn(&row, from: bytes),
                        row.optionFields.isDisjoint(with: [.expiresAt, .unique])
                    else { return .stop }
                    if row.payloadPlace == .pieces { done.hasPieces = true }
                    row.setCompleted(startedAt: lease.startedAt)
                    let keep = isPlanted(.runForgetsRetained) ? 0 : keepingTime(id, row)
                    guard keep == 0 else {
                        row.setFinished(at: stamp.now, keptFor: keep)
                        done.kept = row
                        return .stop
                    }
                    done.row = row
                    done.add(Int(row.payloadBytes))
                }
                if events.isOn, let row = done.row { tellEnd(id, row, .completed) }
                return .remove
            }
        }
        countEnds(of: &done, queue, isKept: false)
    }

    /// Changes the rows of jobs that are kept when they are completed, the next one and those like it.
    private func keepCompleted(
        _ completed: JobRow, _ run: JobRun, _ queue: Int, _ done: inout Completions,
        _ rows: borrowing Transaction
    ) throws {
        let first = run.first + UInt64(done.count)
        var payloads: [(payload: StoredPayload, byteCount: UInt32)] = []
        try passingDamage {
            try rows.scan(Tables.jobs, from: .job(first), to: .job(run.end)) { key, reader in
                let id = first + UInt64(payloads.count)
                guard try key.u64() == id, !isWatched(id),
                    let payload = pattern.payload(of: reader.unread)
                else { return .stop }
                payloads.append(payload)
                return .next
            }
        }
        var row = completed
        for (id, (payload, byteCount)) in zip(first..., payloads) {
            row.payload.rawBytes = payload.rawBytes
            row.payload.checksum = payload.checksum
            row.payloadBytes = byteCount
            tellEnd(id, row, .completed)
            try save(row, id, rows)
            try list(id, row, .completed, queue, rows)
            done.add(Int(byteCount))
        }
        done.row = row
        countEnds(of: &done, queue, isKept: true)
    }

    /// Whoever comes to a damaged record ends there: `settle` looks at it next, and sets it aside.
    private func passingDamage(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as StoreError {
            guard case .damaged = error.code else { throw error }
        }
    }

    private func countEnds(of done: inout Completions, _ queue: Int, isKept: Bool) {
        guard let row = done.row, done.uncounted > 0 else { return }
        let jobs = isPlanted(.runCountedAsOne) ? 1 : done.uncounted
        countEnd(of: jobs, row, queue, as: .completed, isKept: isKept)
        // Alike as they are, they all name the same dictionary.
        unrefer(row.payload, times: done.uncounted)
        done.uncounted = 0
    }
}

extension JobRow {
    /// Its attempt was the last one; the payload is of no use any more.
    mutating func setCompleted(startedAt: UInt64) {
        state = .completed
        payloadPlace = .dropped
        payload.bytes = .none
        setStartedAt(startedAt)
    }

    mutating func setStartedAt(_ instant: UInt64) {
        if history == nil { history = History() }
        history?.startedAt = instant
    }
}
