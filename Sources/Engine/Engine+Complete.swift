package import Store

/// Jobs that were done.
extension Engine {
    func complete(
        _ id: UInt64, _ row: inout JobRow, _ lease: LeaseRow, _ queue: Int,
        _ result: StoredPayload?, _ staged: UInt64?, _ rows: borrowing Transaction
    ) throws {
        try deletePayload(id, row, rows)
        row.payloadPlace = .dropped
        row.payload.bytes = .none
        row.setStartedAt(lease.startedAt)
        // Why earlier attempts failed is of no use any more.
        row.history?.failure = Failure()
        if let result {
            row.result = result
            row.resultBytes = UInt32(result.bytes.count)
            row.resultPlace = result.bytes.count <= EngineLimits.inlineBytesMax ? .row : .pieces
            row.stagedResult = staged
            if row.resultPlace == .pieces, staged == nil {
                try putPieces(result.bytes, of: id, .result, rows)
            }
            if let staged { try noteOwner(id, ofStaged: staged, rows) }
        }
        try finish(id, &row, as: .completed, queue, rows)
    }

    // MARK: Many at once

    /// Completes consecutive jobs of one delivery, without results, as long as nothing is left of them and nothing
    /// goes with them but their rows: what `settle` does to each, at a fraction of the price.
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
        let done = try removeCompleted(held, lease, queue, rows)
        guard done.count > 0 else { return nil }
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
        /// What those that are not counted yet have in common, and how many they are.
        var row: JobRow?
        var uncounted: UInt32 = 0

        mutating func add(_ payloadBytes: Int) {
            count += 1
            uncounted += 1
            bytes += payloadBytes
        }
    }

    /// Removes the rows of jobs that are completed, up to the first that needs more than that.
    private func removeCompleted(
        _ run: JobRun, _ lease: LeaseRow, _ queue: Int, _ rows: borrowing Transaction
    ) throws -> Completions {
        var done = Completions()
        pattern.forget()
        do {
            try rows.sweep(Tables.jobs, from: .job(run.first), to: .job(run.end)) { key, reader in
                let id = run.first + UInt64(done.count)
                guard try key.u64() == id, !isWatched(id) else { return .stop }
                let bytes = reader.unread
                if let payload = pattern.payload(of: bytes) {
                    done.add(payload.bytes.count)
                } else {
                    countEnds(of: &done, queue)
                    var row = try JobRow(from: &reader)
                    guard pattern.learn(&row, from: bytes) else { return .stop }
                    row.state = .completed
                    row.setStartedAt(lease.startedAt)
                    guard vanishes(id, row) else { return .stop }
                    done.row = row
                    done.add(Int(row.payloadBytes))
                }
                if events.isOn, let row = done.row { tellEnd(id, row, .completed) }
                return .remove
            }
        } catch let error as StoreError {
            // `settle` comes to the damaged record next, and sets it aside.
            guard case .damaged = error.code else { throw error }
        }
        countEnds(of: &done, queue)
        return done
    }

    private func countEnds(of done: inout Completions, _ queue: Int) {
        guard let row = done.row, done.uncounted > 0 else { return }
        let jobs = isPlanted(.runCountedAsOne) ? 1 : done.uncounted
        countEnd(of: jobs, row, queue, as: .completed, isKept: false)
        done.uncounted = 0
    }

    /// Whether a plain job, completed, is gone with its row.
    private func vanishes(_ id: UInt64, _ row: JobRow) -> Bool {
        row.optionFields.isDisjoint(with: [.expiresAt, .unique])
            && (keepingTime(id, row) == 0 || isPlanted(.runForgetsRetained))
    }
}

extension JobRow {
    mutating func setStartedAt(_ instant: UInt64) {
        if history == nil { history = History() }
        history?.startedAt = instant
    }
}
