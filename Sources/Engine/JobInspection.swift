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
    package var priority: UInt8
    /// As on the wire, as the headers.
    package var tags: [UInt8] = []
    package var headers: [UInt8] = []
    package var unique: Unique?
    /// Longest run of one attempt, in milliseconds; 0: any.
    package var timeout: UInt64
    package var expiresAt: UInt64
    /// When the finished job is to be gone.
    package var vanishesAt: UInt64
    package var error: String?
    package var errorClass: String?
    package var errorStack: String?
    package var fingerprint: UInt64
    package var cancel: Cancel?
    package var retried: Retried?
    /// Offsets of the lines of its log that are kept.
    package var logLines: Range<UInt64>?
    package var checkpointBytes: UInt32 = 0
    package var progress: (done: UInt16, message: String)?
    package var leaseEnds: UInt64 = 0
    package var session: UInt64 = 0
    package var payload: PayloadCopy?
    package var result: PayloadCopy?

    package struct Unique: Sendable, Equatable {
        package var scope: UniqueKey.Scope
        package var isHeld: Bool
        /// When the key becomes free, of scope `period`.
        package var until: UInt64
        package var key: String
    }

    /// That somebody asked for the job to be cancelled.
    package struct Cancel: Sendable, Equatable {
        package var requestedAt: UInt64
        /// When the worker's grace ends; 0 when the cancel is not pending.
        package var graceEnds: UInt64
        package var reason: String
    }

    /// That the job was sent back to work by request.
    package struct Retried: Sendable, Equatable {
        package var times: UInt16
        package var last: UInt64
        /// Its state before the last time.
        package var from: JobState
    }
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
        var isWaiting = false
        var hasNotes = false
        var places = (
            payload: JobRow.Place.dropped, payloadBytes: UInt32(0), resultInPieces: UInt32(0),
            payloadID: id, resultID: id
        )
        let found = try rows.get(Tables.jobs, .job(id)) { reader in
            let row = try JobRow(from: &reader)
            order = row.order
            isWaiting = row.state == .waiting
            hasNotes = row.hasNotes
            places = (
                row.payloadPlace, row.payloadBytes,
                row.resultPlace == .pieces ? row.resultBytes : 0, row.stagedPayload ?? id,
                row.stagedResult ?? id
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
            try job.payload?.putInFront(places.payloadBytes, of: places.payloadID, .payload, rows)
        }
        if withResult, places.resultInPieces > 0 {
            try job.result?.putInFront(places.resultInPieces, of: places.resultID, .result, rows)
        }
        if isWaiting, try !isReady(job.queueID, order) {
            if try IndexPlace(job.queueID, .scheduled).contains(id, rows) {
                job.state = .scheduled
            } else {
                try addLease(to: &job, rows)
            }
        }
        if job.state != .scheduled { job.dueAt = 0 }
        if hasNotes { try addNotes(to: &job, rows) }
        return job
    }

    /// The same for a snapshot, in which every ready run is a row.
    package static func inspect(_ id: UInt64, _ snapshot: borrowing Snapshot) throws
        -> JobInspection?
    {
        try inspect(id, withPayload: false, withResult: false, snapshot) { queue, order in
            try IndexPlace(queue, .ready, order: order).contains(id, snapshot)
        }
    }

    /// Where the rows say that a job is.
    static func state<Source: Rows & ~Copyable>(
        of id: UInt64, _ row: JobRow, _ rows: borrowing Source
    ) throws -> JobState {
        if let finished = row.state.finished { return finished }
        if try IndexPlace(row.queue, .ready, order: row.order).contains(id, rows) { return .ready }
        return try IndexPlace(row.queue, .scheduled).contains(id, rows) ? .scheduled : .running
    }

    private static func addNotes<Source: Rows & ~Copyable>(
        to job: inout JobInspection, _ rows: borrowing Source
    ) throws {
        job.logLines = try LogState.read(of: job.id, rows).map { $0.first..<$0.next }
        if job.state == .running { job.progress = try progress(of: job.id, rows) }
        var bytes = 0
        try checkpoint(of: job.id, rows) { bytes += $0.count }
        job.checkpointBytes = UInt32(bytes)
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
    }
}

extension JobInspection {
    init(_ id: UInt64, _ row: JobRow, withPayload: Bool, withResult: Bool) {
        self.id = id
        state = row.state.finished ?? .ready
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
        priority = row.priority
        timeout = row.options?.timeout ?? 0
        expiresAt = row.expiresAt ?? 0
        vanishesAt = row.history?.vanishAt ?? 0
        fingerprint = row.history?.failure.fingerprint ?? 0
        if let history = row.history { add(history) }
        if let options = row.options { add(options) }
        if withPayload, row.payloadPlace != .dropped { payload = PayloadCopy(row.payload) }
        if withResult, let stored = row.result { result = PayloadCopy(stored) }
    }
}

extension JobInspection {
    private mutating func add(_ history: JobRow.History) {
        error = text(history.failure.message)
        errorClass = text(history.failure.errorClass)
        errorStack = text(history.failure.stack)
        if history.cancelRequestedAt > 0 {
            cancel = Cancel(
                requestedAt: history.cancelRequestedAt, graceEnds: history.cancelEndsAt,
                reason: text(history.cancelReason) ?? "")
        }
        if history.redrives > 0, let from = history.redrivenFrom {
            retried = Retried(times: history.redrives, last: history.redrivenAt, from: from)
        }
    }

    private mutating func add(_ options: StoredOptions) {
        tags = Array(options.tags)
        headers = Array(options.headers)
        unique = options.unique.map { unique in
            Unique(
                scope: unique.scope, isHeld: unique.isHeld, until: unique.until,
                key: text(unique.key) ?? "")
        }
    }
}

/// Nil for no bytes.
private func text(_ bytes: UnsafeRawBufferPointer) -> String? {
    bytes.count > 0 ? String(decoding: bytes, as: UTF8.self) : nil
}

extension PayloadCopy {
    init(_ stored: StoredPayload) {
        codec = stored.codec
        rawBytes = stored.rawBytes
        checksum = stored.checksum
        bytes = Array(stored.bytes)
    }

    /// Puts the pieces in front of what was in the row.
    fileprivate mutating func putInFront<Source: Rows & ~Copyable>(
        _ byteCount: UInt32, of id: UInt64, _ part: PayloadPart, _ rows: borrowing Source
    ) throws {
        var whole: [UInt8] = []
        whole.reserveCapacity(Int(byteCount))
        try visitPieces(of: id, part, byteCount, rows) { whole += $0 }
        bytes = whole + bytes
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
        try writePendingRuns(rows)
        return try mending(rows) {
            try JobInspector.inspect(id, withPayload: withPayload, withResult: withResult, rows) {
                queue, order in
                try queues[index(ofQueue: queue)].ready.contains(id, order: order, rows)
            }
        }
    }

    package func queueName(_ id: UInt32) throws -> String {
        queues[try index(ofQueue: id)].row.name
    }
}
