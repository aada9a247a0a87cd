import Store

extension Repair {
    // MARK: Queues

    func readQueues() throws {
        try walk(Tables.names) { key, row, _ in
            queues[try key.u32()] = QueueRow(name: try row.string8())
            return nil
        }
        try walk(Tables.queues) { key, row, _ in
            var queue = try QueueRow(from: &row)
            queue.forgetCounts()
            queues[try key.u32()] = queue
            return nil
        }
    }

    /// Makes sure of a job's queue, whose row may have been lost.
    private func count(_ queue: UInt32, _ change: (inout QueueRow) -> Void) {
        if queues[queue] == nil {
            queues[queue] = QueueRow(name: "recovered-\(queue)")
            report.queuesRenamed += 1
            tell("queue \(queue) has lost its name and is recovered-\(queue) now")
        }
        change(&queues[queue, default: QueueRow(name: "")])
    }

    // MARK: Leases

    /// Takes out of leases what they cannot hold: jobs that are gone or finished, or that another has.
    func restoreLeases() throws {
        try walk(Tables.leases) { key, row, rows in
            let key = try LeaseKey(from: &key)
            var lease = try LeaseRow(from: &row)
            let before = lease.jobs
            let hasSession = try rows.contains(Tables.sessions, .job(lease.session))
            for offset in before.offsets {
                let id = key.first + offset
                let job = try job(id, rows)
                let isHeld = hasSession && job?.state == .waiting && job?.queue == lease.queue
                if isHeld, running[id] == nil {
                    running[id] = JobHolder(session: lease.session, token: key.token)
                } else {
                    lease.jobs.remove(offset)
                }
            }
            guard lease.jobs != before else { return nil }
            report.orphans += 1
            tell("lease \(key) holds \(lease.jobs.count) jobs of \(before.count)")
            guard !lease.jobs.isEmpty else { return .remove }
            return .rewrite { lease.write(to: &$0) }
        }
    }

    private func job(_ id: UInt64, _ rows: borrowing Transaction) throws -> JobFacts? {
        try rows.get(Tables.jobs, .job(id)) { JobFacts(id, try JobRow(from: &$0)) }
    }

    // MARK: Jobs

    func restoreJobs() throws {
        try walk(Tables.jobs) { key, _, _ in
            let id = try key.u64()
            return .also { [self] rows in try restore(id, rows) }
        }
        try turn { rows in
            try index.finish(rows)
            try timers.finish(rows)
        }
    }

    private func restore(_ id: UInt64, _ rows: borrowing Transaction) throws {
        let stored = try rows.get(Tables.jobs, .job(id)) { reader in
            var row = try JobRow(from: &reader)
            scratch.keep(&row)
            return row
        }
        guard var row = stored else { return }
        report.jobs += 1
        highestJob = id
        var isChanged = try restoreResult(id, &row, rows)
        if try restoreKey(id, &row, rows) { isChanged = true }
        if let state = row.state.finished {
            try restore(id, &row, state, rows)
        } else {
            if try restoreWaiting(id, &row, rows) { isChanged = true }
        }
        for dictionary in row.namedDictionaries { references[dictionary, default: 0] += 1 }
        if isChanged { try rows.put(Tables.jobs, .job(id)) { row.write(to: &$0) } }
    }

    private func restore(
        _ id: UInt64, _ row: inout JobRow, _ state: JobState, _ rows: borrowing Transaction
    ) throws {
        count(row.queue) { $0.add(1, to: state, bytes: 0) }
        try index.add(id, to: IndexPlace(row.queue, state), rows)
        let vanishAt = row.history?.vanishAt ?? 0
        try timers.add(id, to: .retention(vanishAt, queue: row.queue, state), rows)
        guard state == .dead, let failure = row.history?.failure else { return }
        let key = GroupKey(queue: row.queue, fingerprint: failure.fingerprint)
        let finishedAt = row.history?.finishedAt ?? 0
        var group = groups[key] ?? GroupRow(failure, now: finishedAt)
        group.jobs += 1
        group.firstSeen = min(group.firstSeen, finishedAt)
        group.lastSeen = max(group.lastSeen, finishedAt)
        group.example = id
        groups[key] = group
    }

    /// - Returns: whether the row was changed.
    private func restoreWaiting(
        _ id: UInt64, _ row: inout JobRow, _ rows: borrowing Transaction
    ) throws -> Bool {
        let bytes = UInt64(row.payloadBytes)
        let holder = running[id]
        if let expiresAt = row.expiresAt, holder == nil || expiresAt > now {
            try timers.add(id, to: .expiry(expiresAt, queue: row.queue), rows)
        }
        if let holder {
            count(row.queue) { $0.add(1, to: .running, bytes: bytes) }
            guard let ends = row.history?.cancelEndsAt, ends > 0 else { return false }
            try Timer(due: ends, kind: .cancel, id).set(rows)
            try rows.put(Tables.notes, .cancelling(id)) { writer in
                writer.u64(holder.session)
                writer.u64(holder.token)
            }
            return false
        }
        // What the handler said of an attempt that nobody makes any more.
        if row.hasNotes { _ = try rows.delete(Tables.notes, .note(id, .progress)) }
        let due = row.history?.dueAt ?? 0
        if due > now {
            count(row.queue) { $0.add(1, to: .scheduled, bytes: bytes) }
            try index.add(id, to: IndexPlace(row.queue, .scheduled), rows)
            try timers.add(id, to: .ready(due, queue: row.queue, order: row.order), rows)
        } else {
            count(row.queue) { $0.add(1, to: .ready, bytes: bytes) }
            try index.add(id, to: IndexPlace(row.queue, .ready, order: row.order), rows)
        }
        guard let ends = row.history?.cancelEndsAt, ends > 0 else { return false }
        row.history?.cancelEndsAt = 0
        return true
    }

    /// A result that is not whole any more is dropped.
    private func restoreResult(
        _ id: UInt64, _ row: inout JobRow, _ rows: borrowing Transaction
    ) throws -> Bool {
        let place = row.stagedResult ?? id
        guard row.resultPlace == .pieces, try !isWhole(row.resultBytes, place, .result, rows) else {
            return false
        }
        tell("job \(id) has lost its result")
        for index in 0..<pieces(beside: row.resultBytes) {
            _ = try rows.delete(Tables.pieces, .piece(place, .result, index))
        }
        if let staged = row.stagedResult {
            _ = try rows.delete(Tables.pieces, .owner(ofStaged: staged))
        }
        (row.result, row.resultPlace, row.stagedResult) = (nil, .row, nil)
        return true
    }

    /// Jobs whose payloads are not whole are set aside, as a broker does: they can't be delivered.
    func setAsideIncomplete() throws {
        try walk(Tables.jobs) { [self] key, row, rows in
            let id = try key.u64()
            let row = try JobRow(from: &row)
            let place = row.stagedPayload ?? id
            guard row.payloadPlace == .pieces,
                try !isWhole(row.payloadBytes, place, .payload, rows)
            else { return nil }
            tell("job \(id) has lost its payload and is set aside")
            return .also { rows in
                guard let bytes = try rows.take(Tables.jobs, .job(id)) else { return }
                try rows.put(Tables.damaged, .damaged(Tables.jobs, .job(id))) { $0.bytes(bytes) }
            }
        }
    }

    private func isWhole(
        _ bytes: UInt32, _ id: UInt64, _ part: PayloadPart, _ rows: borrowing Transaction
    ) throws -> Bool {
        do {
            try visitPieces(of: id, part, bytes, rows) { _ in }
            return true
        } catch let error as StoreError {
            guard case .damaged = error.code else { throw error }
            return false
        }
    }

    /// The first job that says it holds a key gets the row; any other gives it up.
    private func restoreKey(
        _ id: UInt64, _ row: inout JobRow, _ rows: borrowing Transaction
    ) throws -> Bool {
        guard let unique = row.unique, unique.isHeld else { return false }
        var holder: UInt64?
        try rows.scan(
            Tables.unique, from: .unique(row.queue, unique.key, job: 0),
            to: .unique(row.queue, unique.key, job: .max)
        ) { key, reader in
            _ = (try key.u32(), try key.u64())
            let other = try UniqueRow(job: try key.u64(), from: &reader)
            guard other.key.elementsEqual(unique.key) else { return .next }
            holder = other.job
            return .stop
        }
        guard holder == nil else {
            row.options?.unique?.isHeld = false
            report.keysReleased += 1
            return true
        }
        let held = UniqueRow(job: id, row.payload, key: unique.key)
        try rows.put(Tables.unique, .unique(row.queue, unique.key, job: id)) { held.write(to: &$0) }
        if unique.scope == .period { try Timer(due: unique.until, kind: .unique, id).set(rows) }
        return false
    }
}
