package import Store

/// Jobs of one submission that differ in their payloads alone: stored by the row of the one before them, and
/// counted once for all.
package struct SubmittedRun {
    fileprivate let queue: Int
    fileprivate let order: UInt8
    /// That of all its payloads; 0: none.
    fileprivate let dictionary: UInt32
    fileprivate var jobs: JobRun
    fileprivate var bytes: UInt64 = 0
    fileprivate var rawBytes: UInt64 = 0
}

extension Engine {
    /// Begins a run behind a job that was accepted just now.
    /// - Returns: nil when a job like it needs more than a row and a place among the ready ones.
    package func run(
        behind id: UInt64, _ submission: Submission, in queue: QueueIndex,
        _ rows: borrowing Transaction
    ) throws -> SubmittedRun? {
        guard !submission.hasMore, submission.options.said.isTimeless,
            !queues[queue.value].hasSettings, !events.isOn
        else { return nil }
        let order = try rows.get(Tables.jobs, .job(id)) { reader -> UInt8? in
            let bytes = reader.unread
            var row = try JobRow(from: &reader)
            return submitted.learn(&row, from: bytes) ? row.order : nil
        }
        guard let order, let order else { return nil }
        return SubmittedRun(
            queue: queue.value, order: order, dictionary: submission.payload.dictionary,
            jobs: JobRun(first: id + 1, count: 0))
    }

    /// Stores the next job of a run.
    /// - Returns: its id; nil when there is no run, or it is none of it.
    package func submit(
        _ payload: StoredPayload, to run: inout SubmittedRun?, _ rows: borrowing Transaction
    ) throws -> UInt64? {
        guard let dictionary = run?.dictionary, dictionary == payload.dictionary,
            payload.place == submitted.payloadPlace
        else { return nil }
        let id = counters.nextJob
        counters.nextJob += 1
        try rows.put(Tables.jobs, .job(id), ascending: true) { submitted.write(payload, to: &$0) }
        if payload.place == .pieces { try putPieces(payload.bytes, of: id, .payload, rows) }
        run?.jobs.count += 1
        run?.bytes += UInt64(payload.bytes.count)
        run?.rawBytes += UInt64(payload.rawBytes)
        return id
    }

    /// Ends a run, before anything else is asked of the engine: its jobs are ready.
    package func end(_ run: SubmittedRun, _ rows: borrowing Transaction) throws {
        guard run.jobs.count > 0 else { return }
        let now = stamp.now
        change(run.queue) {
            $0.row.totals.count(
                submitted: UInt64(run.jobs.count), bytes: run.bytes, rawBytes: run.rawBytes)
            $0.row.add(UInt64(run.jobs.count), to: .ready, bytes: run.bytes)
            $0.rates.count(.submitted, at: now, times: run.jobs.count)
        }
        if run.dictionary != 0 { dictionaries.refer(to: run.dictionary, by: Int64(run.jobs.count)) }
        try mending(rows) {
            try queues[run.queue].ready.insert(
                submitted: run.jobs, order: run.order, rows)
        }
    }
}
