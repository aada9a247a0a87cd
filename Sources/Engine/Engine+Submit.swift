package import Store

/// One job of a submission. Pointers are valid during the call.
package struct Submission {
    package var type: UnsafeRawBufferPointer
    package var payload: StoredPayload
    package var options: JobOptions
    package var unique: UniqueKey?
    /// As on the wire.
    package var tags: UnsafeRawBufferPointer
    /// As on the wire.
    package var headers: UnsafeRawBufferPointer

    package init(
        type: UnsafeRawBufferPointer, payload: StoredPayload, options: JobOptions,
        unique: UniqueKey? = nil, tags: UnsafeRawBufferPointer = .none,
        headers: UnsafeRawBufferPointer = .none
    ) {
        self.type = type
        self.payload = payload
        self.options = options
        self.unique = unique
        self.tags = tags
        self.headers = headers
    }
}

extension Submission {
    /// Whether it says more than options.
    var hasMore: Bool { unique != nil || tags.count > 0 || headers.count > 0 }
}

/// What became of a submission.
package enum SubmissionOutcome: Equatable, Sendable {
    /// It is stored, as a job of this id.
    case accepted(UInt64)
    /// Its unique key is held by this job, which will do: nothing was stored.
    case existing(UInt64)
    /// Its unique key is held by this job: refused.
    case taken(UInt64)
    /// Its unique key is held by this job, which has another payload: refused.
    case mismatch(UInt64)
    /// The queue holds as much as it may: refused.
    case full(limit: UInt64, actual: UInt64, ofBytes: Bool)
    /// Its payload needs a dictionary that is not there: refused.
    case withoutDictionary(UInt32)
}

/// What earlier submissions of an atomic batch will do, so that those after them can be checked before
/// anything is stored.
package struct SubmissionsAhead {
    fileprivate(set) var jobs: UInt64 = 0
    fileprivate(set) var bytes: UInt64 = 0
    fileprivate(set) var keys: Set<[UInt8]> = []

    package init() {}
}

extension Engine {
    /// The id that the next submitted job will have.
    package var nextJobID: UInt64 { counters.nextJob }

    /// Stores a job, ready or scheduled, unless its unique key is held or its queue is full. The caller
    /// has checked everything else.
    package func submit(
        _ submission: Submission, to queue: QueueIndex, _ rows: borrowing Transaction
    ) throws -> SubmissionOutcome {
        if let answer = try refusal(of: submission, to: queue, replacing: true, rows) {
            return answer
        }
        let id = counters.nextJob
        counters.nextJob += 1
        try put(submission, id, queue, isAscending: true, rows)
        let payload = submission.payload
        if payload.place == .pieces { try putPieces(payload.bytes, of: id, .payload, rows) }
        return .accepted(id)
    }

    /// The same for a job whose id was set aside and whose payload, if it is long, was staged; what was
    /// staged for one that is not accepted is removed.
    package func submit(
        staged id: UInt64, _ submission: Submission, to queue: QueueIndex,
        _ rows: borrowing Transaction
    ) throws -> SubmissionOutcome {
        if let answer = try refusal(of: submission, to: queue, replacing: true, rows) {
            let payload = submission.payload
            if payload.place == .pieces {
                try deletePieces(UInt32(payload.bytes.count), of: id, .payload, rows)
            }
            return answer
        }
        try put(submission, id, queue, isAscending: false, rows)
        return .accepted(id)
    }

    /// Says, without changing anything, what would keep a job of an atomic batch from being stored; nil:
    /// nothing. `existing` is such an answer too, and no error.
    /// - Parameter ahead: what those before it in the batch will do; becomes what it does, too.
    package func refusal(
        of submission: Submission, to queue: QueueIndex, ahead: inout SubmissionsAhead,
        _ rows: borrowing Transaction
    ) throws -> SubmissionOutcome? {
        if let unique = submission.unique, !ahead.keys.insert(Array(unique.bytes)).inserted {
            // Its holder will be a job of the same batch, which has no id yet.
            if unique.needsSamePayload { return .mismatch(0) }
            return unique.policy == .existing ? nil : .taken(0)
        }
        if let answer = try refusal(
            of: submission, to: queue, replacing: false, ahead: (ahead.jobs, ahead.bytes), rows)
        {
            return answer
        }
        ahead.jobs += 1
        ahead.bytes += UInt64(submission.payload.bytes.count)
        return nil
    }

    /// - Parameter replacing: whether a holder of the unique key is cancelled where the policy says so.
    private func refusal(
        of submission: Submission, to queue: QueueIndex, replacing: Bool,
        ahead: (jobs: UInt64, bytes: UInt64) = (0, 0), _ rows: borrowing Transaction
    ) throws -> SubmissionOutcome? {
        let hasSettings = queues[queue.value].hasSettings
        let payload = submission.payload
        if payload.codec == StoredPayload.dictionaryCodec, !hasDictionary(of: payload) {
            return .withoutDictionary(payload.dictionary)
        }
        guard hasSettings || submission.unique != nil else { return nil }
        if let unique = submission.unique,
            let conflict = try mending(
                rows, { try conflict(of: unique, submission.payload, queue.value, rows) })
        {
            guard case .replaceable(let holder) = conflict else { return conflict.answer }
            if replacing { try replace(holder, rows) }
            return nil
        }
        return hasSettings ? fullness(queue.value, submission, ahead) : nil
    }

    private func fullness(
        _ queue: Int, _ submission: Submission, _ ahead: (jobs: UInt64, bytes: UInt64)
    ) -> SubmissionOutcome? {
        let row = queues[queue].row
        guard let settings = row.settings else { return nil }
        let jobs = row.waiting + ahead.jobs
        if settings.depthMax > 0, jobs >= settings.depthMax {
            return .full(limit: settings.depthMax, actual: jobs + 1, ofBytes: false)
        }
        let bytes = row.waitingBytes + ahead.bytes + UInt64(submission.payload.bytes.count)
        if settings.bytesMax > 0, bytes > settings.bytesMax {
            return .full(limit: settings.bytesMax, actual: bytes, ofBytes: true)
        }
        return nil
    }

    // MARK: The row

    /// What a submission said of itself, as its row says it: the next mostly says the same.
    struct KnownOptions {
        let options: JobOptions
        let order: UInt8
        let maxAttempts: UInt16
        let stored: Box<StoredOptions>?
    }

    private func put(
        _ submission: Submission, _ id: UInt64, _ queue: QueueIndex, isAscending: Bool,
        _ rows: borrowing Transaction
    ) throws {
        var options = submission.options
        if queues[queue.value].hasSettings, let settings = queues[queue.value].row.settings {
            options = options.filled(from: settings.defaults)
        }
        let payload = submission.payload
        var row = JobRow(
            state: .waiting, order: 255 - JobOptions.defaultPriority,
            queue: queues[queue.value].id, createdAt: stamp.now,
            maxAttempts: JobOptions.defaultMaxAttempts,
            type: submission.type, payload: payload, payloadBytes: UInt32(payload.bytes.count),
            payloadPlace: payload.place)
        var due: UInt64 = 0
        if !options.isPlain || submission.hasMore {
            due = apply(options, of: submission, to: &row)
        }
        if payload.codec == StoredPayload.dictionaryCodec { refer(payload) }
        try rows.put(Tables.jobs, .job(id), ascending: isAscending) { row.write(to: &$0) }
        let state = due > stamp.now ? JobState.scheduled : .ready
        let now = stamp.now
        change(queue.value) {
            $0.row.totals.count(submitted: payload)
            $0.row.add(1, to: state, bytes: UInt64(row.payloadBytes))
            $0.rates.count(.submitted, at: now)
        }
        try list(id, row, state, queue.value, rows)
        tell(.submitted, id, row, state)
        guard row.hasOptions, let stored = row.options else { return }
        if let expiresAt = stored.expiresAt {
            pendingTimers.add(id, to: .expiry(expiresAt, queue: row.queue))
        }
        if let unique = stored.unique { try hold(unique, id, row, rows) }
    }

    /// Puts what a submission says of itself into its row.
    /// - Returns: when it is to be ready.
    private func apply(
        _ options: JobOptions, of submission: Submission, to row: inout JobRow
    ) -> UInt64 {
        if !submission.hasMore, let known = knownOptions, known.options.isIdentical(to: options) {
            row.order = known.order
            row.maxAttempts = known.maxAttempts
            row.share(known.stored)
            return 0
        }
        // Field by field it would be looked at through key paths, which are slow.
        let said = options.said
        if let priority = said.priority { row.order = 255 - priority }
        if isPlanted(.priorityInverted) { row.order = 255 - row.order }
        if let maxAttempts = said.maxAttempts { row.maxAttempts = maxAttempts }
        let stored = StoredOptions(submission, options, now: stamp.now)
        let box = stored.isEmpty ? nil : Box(stored)
        row.share(box)
        let due = said.readyAt(now: stamp.now)
        if !submission.hasMore, said.isTimeless {
            knownOptions = KnownOptions(
                options: options, order: row.order, maxAttempts: row.maxAttempts, stored: box)
        }
        if due > stamp.now { row.history = JobRow.History(dueAt: due) }
        return due
    }
}
