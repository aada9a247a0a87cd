import Store

/// A running job that its worker is to stop.
package struct CancelNotice: Sendable, Equatable {
    package var session: UInt64
    package var id: UInt64
    package var token: UInt64
    /// Milliseconds that are left.
    package var grace: UInt64
    package var reason: String
}

/// Who has a running job: the worker's session, and the token of the delivery.
struct JobHolder: Equatable {
    var session: UInt64
    var token: UInt64
}

/// A job that waits is cancelled at once. A running one is given a grace: its worker is told, and told
/// again when its session resumes; how the attempt ends within the grace counts, and when the grace is
/// over the lease is taken away. The job's row says that a cancel is under way; a list of such jobs is
/// kept as rows too, so that it need not be looked for when a session resumes.
extension Engine {
    func cancel(
        _ id: UInt64, _ job: PlacedJob, _ action: JobAction, _ rows: borrowing Transaction
    ) throws -> JobActionOutcome {
        switch job.state {
        case .scheduled, .ready, .held:
            try leave(id, job.row, job.state, job.queue, rows)
            return try finishCancelled(id, job, action, rows)
        case .running: return try cancelRunning(id, job, action, rows)
        case .cancelled: return .done(.cancelled)
        case .completed, .dead, .expired: return .isFinished(job.state)
        }
    }

    private func finishCancelled(
        _ id: UInt64, _ job: PlacedJob, _ action: JobAction, _ rows: borrowing Transaction
    ) throws -> JobActionOutcome {
        var reason = action.reason
        return try reason.withUTF8 { reason in
            var row = job.row
            row.noteCancel(reason: UnsafeRawBufferPointer(reason), at: stamp.now)
            return .done(try finish(id, &row, as: .cancelled, job.queue, rows))
        }
    }

    private func cancelRunning(
        _ id: UInt64, _ job: PlacedJob, _ action: JobAction, _ rows: borrowing Transaction
    ) throws -> JobActionOutcome {
        guard let (key, lease) = try findLease(of: id, rows) else { return .done(.running) }
        var job = job
        let ends = stamp.now + action.grace
        if let pending = job.row.history?.cancelEndsAt, pending > 0 {
            guard ends < pending else { return .done(.running) }
            try forgetCancel(id, &job.row, rows)
        }
        guard action.grace > 0 else {
            try endLease(ofCancelled: id, &job.row, lease, job.queue, rows)
            return try finishCancelled(id, job, action, rows)
        }
        var reason = action.reason
        try reason.withUTF8 { reason in
            job.row.noteCancel(reason: UnsafeRawBufferPointer(reason), at: stamp.now)
            job.row.history?.cancelEndsAt = ends
            try save(job.row, id, rows)
            tell(
                .cancelRequested, id, job.row, .running, session: lease.session,
                detail: UnsafeRawBufferPointer(reason))
        }
        try Timer(due: ends, kind: .cancel, id).set(rows)
        try list(id, JobHolder(session: lease.session, token: key.token), rows)
        cancels.append(
            CancelNotice(
                session: lease.session, id: id, token: key.token, grace: action.grace,
                reason: action.reason))
        return .done(.running)
    }

    /// Takes a job's lease away; the attempt counts as one whose lease ended.
    private func endLease(
        ofCancelled id: UInt64, _ row: inout JobRow, _ lease: LeaseRow, _ queue: Int,
        _ rows: borrowing Transaction
    ) throws {
        try leave(id, row, .running, queue, rows)
        row.crashes = row.crashes.addingOne
        var history = row.history ?? JobRow.History()
        history.startedAt = lease.startedAt
        row.history = history
    }

    /// The cancel is over, one way or another: its timer and its place in the list go.
    func forgetCancel(
        _ id: UInt64, _ row: inout JobRow, _ rows: borrowing Transaction
    ) throws {
        guard let ends = row.history?.cancelEndsAt, ends > 0 else { return }
        row.history?.cancelEndsAt = 0
        try Timer(due: ends, kind: .cancel, id).unset(rows)
        try unlist(id, rows)
    }

    private func list(
        _ id: UInt64, _ holder: JobHolder, _ rows: borrowing Transaction
    ) throws {
        cancelling[id] = holder
        try rows.put(Tables.notes, .cancelling(id)) { writer in
            writer.u64(holder.session)
            writer.u64(holder.token)
        }
    }

    private func unlist(_ id: UInt64, _ rows: borrowing Transaction) throws {
        guard cancelling.removeValue(forKey: id) != nil else { return }
        _ = try rows.delete(Tables.notes, .cancelling(id))
    }

    /// The timer fired: the worker had its time.
    func cancelGraceEnded(_ timer: Timer, _ rows: borrowing Transaction) throws {
        try timer.unset(rows)
        let id = timer.first
        try unlist(id, rows)
        guard var row = try load(id, rows), row.history?.cancelEndsAt == timer.due,
            let (_, lease) = try findLease(of: id, rows)
        else { return }
        let queue = try index(ofQueue: row.queue)
        row.history?.cancelEndsAt = 0
        try endLease(ofCancelled: id, &row, lease, queue, rows)
        _ = try finish(id, &row, as: .cancelled, queue, rows)
    }

    /// Jobs whose grace is over when their lease ends are cancelled for that, whichever timer fires first.
    func endOverdueCancels(
        _ key: LeaseKey, _ lease: LeaseRow, _ rows: borrowing Transaction
    ) throws {
        guard !cancelling.isEmpty else { return }
        for offset in lease.jobs.offsets where cancelling[key.first + offset]?.token == key.token {
            let id = key.first + offset
            guard let ends = try load(id, rows)?.history?.cancelEndsAt, ends > 0, ends <= stamp.now
            else { continue }
            try cancelGraceEnded(Timer(due: ends, kind: .cancel, id), rows)
        }
    }

    // MARK: Sessions that resume

    /// Tells a worker that is back which of its jobs are to be stopped.
    func repeatCancels(to session: UInt64, _ rows: borrowing Transaction) throws {
        let own = cancelling.filter { $0.value.session == session }
        for (id, holder) in own.sorted(by: { $0.key < $1.key }) {
            guard let history = try load(id, rows)?.history else { continue }
            let left = history.cancelEndsAt > stamp.now ? history.cancelEndsAt - stamp.now : 0
            cancels.append(
                CancelNotice(
                    session: session, id: id, token: holder.token, grace: left,
                    reason: String(decoding: history.cancelReason, as: UTF8.self)))
        }
    }

    func readCancels(_ rows: borrowing Transaction) throws {
        let end = Key.cancelling(.max)
        try rows.scan(Tables.notes, from: .cancelling(0), to: end) { key, reader in
            _ = (try key.u64(), try key.u8())
            cancelling[try key.u64()] = JobHolder(
                session: try reader.u64(), token: try reader.u64())
            return .next
        }
    }
}
