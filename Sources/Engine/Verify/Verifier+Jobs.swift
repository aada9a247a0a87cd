import Store

/// What others ask of a job's row, copied out of it.
struct JobFacts {
    var state: StoredState
    var order: UInt8
    var queue: UInt32
    var dueAt: UInt64
    var vanishAt: UInt64
    var cancelEndsAt: UInt64
    var expiresAt: UInt64?
    var fingerprint: UInt64
    var hasNotes: Bool
    var stagedIDs: [UInt64]
    /// Bytes of what is in pieces.
    var pieces: (payload: UInt32, result: UInt32)
    /// The unique key that it holds, and where that has its row.
    var key: (bytes: [UInt8], row: Key, until: UInt64)?

    init(_ id: UInt64, _ row: JobRow) {
        state = row.state
        order = row.order
        queue = row.queue
        dueAt = row.history?.dueAt ?? 0
        vanishAt = row.history?.vanishAt ?? 0
        cancelEndsAt = row.history?.cancelEndsAt ?? 0
        expiresAt = row.expiresAt
        fingerprint = row.history?.failure.fingerprint ?? 0
        hasNotes = row.hasNotes
        stagedIDs = row.stagedIDs
        pieces = (
            row.payloadPlace == .pieces && row.stagedPayload == nil ? row.payloadBytes : 0,
            row.resultPlace == .pieces ? row.resultBytes : 0
        )
        if let unique = row.unique, unique.isHeld {
            key = (Array(unique.key), .unique(row.queue, unique.key, job: id), unique.until)
        }
    }
}

/// Where a job is found.
struct JobPlaces {
    var isScheduled = false
    var isReady = false
    var lease: LeaseKey?
    var isRetained = false

    var count: Int {
        (isScheduled ? 1 : 0) + (isReady ? 1 : 0) + (lease == nil ? 0 : 1) + (isRetained ? 1 : 0)
    }
}

extension Verifier {
    /// A job's row; nil when there is none, or when it is damaged, which is told where jobs are looked at.
    func job<Source: Rows & ~Copyable>(
        _ id: UInt64, _ rows: borrowing Source
    ) throws -> JobFacts? {
        saw(1)
        do {
            return try rows.get(Tables.jobs, .job(id)) { JobFacts(id, try JobRow(from: &$0)) }
        } catch let error as StoreError {
            guard case .damaged = error.code else { throw error }
            return nil
        }
    }

    /// Whether what a job has may be there without its row: the row is damaged, or was set aside for that.
    func isExcused<Source: Rows & ~Copyable>(
        _ id: UInt64, _ rows: borrowing Source
    ) throws -> Bool {
        if try rows.contains(Tables.damaged, .damaged(Tables.jobs, .job(id))) { return true }
        return try rows.contains(Tables.jobs, .job(id))
    }

    // MARK: Jobs

    func lookAtJobs<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        try visit(Tables.jobs, from: place, rows) { key, reader in
            let id = try key.u64()
            let row = try JobRow(from: &reader)
            jobsSeen += 1
            let facts = JobFacts(id, row)
            let places = try places(of: id, facts, rows)
            judge(id, facts, places)
            try judgeTimers(of: id, facts, places, rows)
            try judgeKey(of: id, facts, rows)
            try judgeBytes(of: id, row, rows)
            try judgeDictionaries(of: id, row, rows)
            expect(
                try queueExists(row.queue, rows), Tables.jobs, "job \(id) is of no queue")
        }
    }

    /// Each job is in exactly one place, one that its state allows.
    private func judge(_ id: UInt64, _ job: JobFacts, _ places: JobPlaces) {
        expect(
            places.count == 1, Tables.jobs,
            "job \(id), stored as \(job.state), is in \(places.count) places: \(places)")
        expect(
            job.cancelEndsAt == 0 || places.lease != nil, Tables.jobs,
            "job \(id) is to be cancelled and does not run")
    }

    func places<Source: Rows & ~Copyable>(
        of id: UInt64, _ job: JobFacts, _ rows: borrowing Source
    ) throws -> JobPlaces {
        var places = JobPlaces()
        if let state = job.state.finished {
            places.isRetained = try isInRun(id, job.queue, state, 0, rows)
            return places
        }
        places.isScheduled = try isInRun(id, job.queue, .scheduled, 0, rows)
        places.isReady = try isInRun(id, job.queue, .ready, job.order, rows)
        places.lease = try lease(of: id, rows)
        return places
    }

    private func isInRun<Source: Rows & ~Copyable>(
        _ id: UInt64, _ queue: UInt32, _ state: JobState, _ order: UInt8, _ rows: borrowing Source
    ) throws -> Bool {
        saw(1)
        let place = IndexPlace(queue, state, order: order)
        return try passingDamage { try place.contains(id, rows) } ?? false
    }

    func lease<Source: Rows & ~Copyable>(
        of id: UInt64, _ rows: borrowing Source
    ) throws -> LeaseKey? {
        var found: LeaseKey?
        _ = try passingDamage {
            try scanStoredLeases(over: id, rows) { key, lease in
                saw(1)
                guard lease.jobs.contains(id - key.first) else { return .next }
                if let other = found {
                    expect(false, Tables.leases, "job \(id) is held by \(other) and by \(key)")
                }
                found = key
                return .next
            }
        }
        return found
    }

    // MARK: What belongs to a job

    private func judgeTimers<Source: Rows & ~Copyable>(
        of id: UInt64, _ job: JobFacts, _ places: JobPlaces, _ rows: borrowing Source
    ) throws {
        if places.isScheduled {
            let place = TimerPlace.ready(job.dueAt, queue: job.queue, order: job.order)
            try expectTimer(place, of: id, rows)
        }
        // One that fires while the job runs is not set again.
        if let expiresAt = job.expiresAt, !places.isRetained,
            places.lease == nil || expiresAt > asOf
        {
            try expectTimer(.expiry(expiresAt, queue: job.queue), of: id, rows)
        }
        if let state = job.state.finished {
            let place = TimerPlace.retention(job.vanishAt, queue: job.queue, state)
            try expectTimer(place, of: id, rows)
        }
        if job.cancelEndsAt > 0 {
            try expectTimer(Timer(due: job.cancelEndsAt, kind: .cancel, id), rows)
            expect(
                try rows.contains(Tables.notes, .cancelling(id)), Tables.notes,
                "job \(id) is to be cancelled, and not listed")
        }
        if let until = job.key?.until, until > 0 {
            try expectTimer(Timer(due: until, kind: .unique, id), rows)
        }
    }

    private func expectTimer<Source: Rows & ~Copyable>(
        _ place: TimerPlace, of id: UInt64, _ rows: borrowing Source
    ) throws {
        saw(1)
        expect(
            try passingDamage { try place.contains(id, rows) } ?? false, Tables.timers,
            "job \(id) has no timer \(place.kind) at \(place.due)")
    }

    private func expectTimer<Source: Rows & ~Copyable>(
        _ timer: Timer, _ rows: borrowing Source
    ) throws {
        saw(1)
        expect(
            try rows.contains(Tables.timers, timer.key), Tables.timers,
            "job \(timer.first) has no timer \(timer.kind) at \(timer.due)")
    }

    private func judgeKey<Source: Rows & ~Copyable>(
        of id: UInt64, _ job: JobFacts, _ rows: borrowing Source
    ) throws {
        guard let key = job.key else { return }
        expect(
            try rows.contains(Tables.unique, key.row), Tables.unique,
            "job \(id) holds a key that has no row")
    }

    private func judgeBytes<Source: Rows & ~Copyable>(
        of id: UInt64, _ row: JobRow, _ rows: borrowing Source
    ) throws {
        if row.payloadPlace != .dropped {
            let place = row.stagedPayload ?? id
            try judge(
                row.payload, row.payloadBytes, row.payloadPlace, at: place, .payload, of: id, rows)
        }
        if let result = row.result {
            let place = row.stagedResult ?? id
            try judge(
                result, row.resultBytes, row.resultPlace, at: place, .result, of: id, rows)
        }
    }

    /// Bytes are all there and match their check value, that of the submitter.
    private func judge<Source: Rows & ~Copyable>(
        _ payload: StoredPayload, _ count: UInt32, _ place: JobRow.Place, at storedAt: UInt64,
        _ part: PayloadPart, of id: UInt64, _ rows: borrowing Source
    ) throws {
        do {
            var checksum: UInt32 = 0
            if place == .pieces {
                saw(Int(pieces(beside: count)))
                try visitPieces(of: storedAt, part, count, rows) {
                    checksum = crc32c($0, from: checksum)
                }
            }
            expect(
                crc32c(payload.bytes, from: checksum) == payload.checksum, Tables.jobs,
                "the \(part) of job \(id) does not match its check value")
        } catch let error as StoreError {
            guard case .damaged(let table, _) = error.code else { throw error }
            isDamaged(error, table)
        }
    }

    /// What `body` finds, or nil when the row that it looks for is damaged: that is told elsewhere.
    func passingDamage<R>(_ body: () throws -> R?) throws -> R? {
        do {
            return try body()
        } catch let error as StoreError {
            guard case .damaged = error.code else { throw error }
            return nil
        }
    }
}
