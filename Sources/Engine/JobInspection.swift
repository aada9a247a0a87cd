package import Store

/// A job as it is shown: copied out of its rows.
package struct JobInspection: Sendable {
    package var id: UInt64
    package var state: JobState
    package var attempts: UInt32
    package var failures: UInt16
    package var crashes: UInt16
    package var interruptions: UInt16
    package var maxAttempts: UInt16
    package var createdAt: UInt64
    package var dueAt: UInt64
    package var startedAt: UInt64
    package var finishedAt: UInt64
    package var payloadBytes: UInt32
    package var queueID: UInt32
    package var type: String
    package var error: String?
    package var progress: (done: UInt16, message: String)?
    package var leaseEnds: UInt64 = 0
    package var session: UInt64 = 0
    package var payload: PayloadCopy?
    package var result: PayloadCopy?
}

/// A payload or result, copied.
package struct PayloadCopy: Sendable {
    package var codec: UInt8
    package var rawBytes: UInt32
    package var checksum: UInt32
    package var bytes: [UInt8]
}

/// Reads jobs for showing them, in a turn or in a snapshot: from rows alone.
package enum JobInspector {
    /// - Parameter isReady: whether a waiting job is in a ready run; a turn knows of runs that are not rows yet.
    package static func inspect<Source: Rows & ~Copyable>(
        _ id: UInt64, withPayload: Bool, withResult: Bool, _ rows: borrowing Source,
        isReady: (_ queue: UInt32, _ order: UInt8) throws -> Bool
    ) throws -> JobInspection? {
        var order: UInt8 = 0
        var places = (
            payload: JobRow.Place.dropped, payloadBytes: UInt32(0), resultInPieces: UInt32(0),
            resultID: id
        )
        let found = try rows.get(Tables.jobs, .job(id)) { reader in
            let row = try JobRow(from: &reader)
            order = row.order
            places = (
                row.payloadPlace, row.payloadBytes,
                row.resultPlace == .pieces ? row.resultBytes : 0, row.stagedResult ?? id
            )
            return JobInspection(id, row, withPayload: withPayload, withResult: withResult)
        }
        guard var job = found else {
            guard try rows.contains(Tables.damaged, .damaged(Tables.jobs, .job(id))) else {
                return nil
            }
            throw nonsense(Tables.jobs, .job(id), "job \(id) was damaged and is set aside")
        }
        if withPayload, places.payload == .pieces {
            job.payload?.bytes = try Pieces(places.payloadBytes, of: id, .payload, rows).copied()
        }
        if withResult, places.resultInPieces > 0 {
            let pieces = try Pieces(places.resultInPieces, of: places.resultID, .result, rows)
            job.result?.bytes = pieces.copied()
        }
        if job.state == .ready, try !isReady(job.queueID, order) { try addLease(to: &job, rows) }
        return job
    }

    /// The same for a snapshot, in which every ready run is a row.
    package static func inspect(_ id: UInt64, _ snapshot: borrowing Snapshot) throws
        -> JobInspection?
    {
        try inspect(id, withPayload: false, withResult: false, snapshot) { queue, order in
            try ReadyRuns.stored(atOrBefore: id, queue, order, snapshot)?.contains(id) ?? false
        }
    }

    private static func addLease<Source: Rows & ~Copyable>(
        to job: inout JobInspection, _ rows: borrowing Source
    ) throws {
        var holder: LeaseRow?
        let id = job.id
        try scanStoredLeases(over: id, rows) { key, lease in
            guard lease.jobs.contains(id - key.first) else { return .next }
            holder = lease
            return .stop
        }
        job.state = .running
        job.attempts += 1
        guard let holder else { return }
        job.startedAt = holder.startedAt
        job.leaseEnds = holder.deadline
        job.session = holder.session
        job.progress = try rows.get(Tables.progress, .job(id)) { reader in
            (try reader.u16(), String(decoding: reader.rest(), as: UTF8.self))
        }
    }
}

extension JobInspection {
    init(_ id: UInt64, _ row: JobRow, withPayload: Bool, withResult: Bool) {
        self.id = id
        state = row.state
        attempts = row.endedAttempts + (row.state == .completed ? 1 : 0)
        failures = row.failures
        crashes = row.crashes
        interruptions = row.interruptions
        maxAttempts = row.maxAttempts
        createdAt = row.createdAt
        dueAt = row.history?.dueAt ?? 0
        startedAt = row.history?.startedAt ?? 0
        finishedAt = row.history?.finishedAt ?? 0
        payloadBytes = row.payload.rawBytes
        queueID = row.queue
        type = String(decoding: row.type, as: UTF8.self)
        if let text = row.history?.error, text.count > 0 {
            error = String(decoding: text, as: UTF8.self)
        }
        if withPayload, row.payloadPlace != .dropped { payload = PayloadCopy(row.payload) }
        if withResult, let stored = row.result { result = PayloadCopy(stored) }
    }
}

extension PayloadCopy {
    init(_ stored: StoredPayload) {
        codec = stored.codec
        rawBytes = stored.rawBytes
        checksum = stored.checksum
        bytes = Array(stored.bytes)
    }
}

extension Engine {
    /// A job as this turn has left it.
    /// - Throws: `StoreError.damaged` when its record does not match its check value.
    package func inspect(
        _ id: UInt64, withPayload: Bool, withResult: Bool, _ rows: borrowing Transaction
    ) throws -> JobInspection? {
        try writeExtensions(rows)
        try writeLeases(rows)
        return try JobInspector.inspect(id, withPayload: withPayload, withResult: withResult, rows)
        {
            queue, order in
            try queues[index(ofQueue: queue)].ready.contains(id, order: order, rows)
        }
    }

    package func queueName(_ id: UInt32) throws -> String {
        queues[try index(ofQueue: id)].row.name
    }
}
