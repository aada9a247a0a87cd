import Store

/// Changes to a job. What is nil stays as it is. Pointers are valid during the call.
package struct JobEdit {
    package var priority: UInt8?
    /// When it is to be ready, milliseconds since 1970; an instant that has passed: now.
    package var runAt: UInt64?
    /// Milliseconds from now after which it expires unless it runs.
    package var timeToLive: UInt64?
    /// Longest run of one attempt, in milliseconds.
    package var timeout: UInt64?
    /// As on the wire; none: takes them away.
    package var tags: UnsafeRawBufferPointer?
    /// As on the wire; none: takes them away.
    package var headers: UnsafeRawBufferPointer?
    package var payload: StoredPayload?
    /// The id that the payload was staged under, if it was.
    package var stagedPayload: UInt64?

    package init() {}
}

extension Engine {
    func edit(
        _ id: UInt64, _ job: PlacedJob, _ edit: JobEdit, _ rows: borrowing Transaction
    ) throws -> JobActionOutcome {
        guard job.state < .running || job.state == .dead else { return .isInState(job.state) }
        var row = job.row
        try leave(id, row, job.state, job.queue, rows)
        if edit.timeToLive != nil, job.state != .dead { try dropExpiry(id, row, rows) }
        var edit = edit
        if isPlanted(.headersKeptByEdit) { edit.headers = nil }
        row.change(edit, now: stamp.now)
        if let payload = edit.payload {
            try replacePayload(of: id, &row, with: payload, staged: edit.stagedPayload, rows)
        }
        if edit.timeToLive != nil, job.state != .dead, let expiresAt = row.expiresAt {
            pendingTimers.add(id, to: .expiry(expiresAt, queue: row.queue))
        }
        var state = job.state
        if let runAt = edit.runAt {
            let isLater = runAt > stamp.now
            if row.history == nil, isLater { row.history = JobRow.History() }
            row.history?.dueAt = isLater ? runAt : 0
            if state != .dead { state = isLater ? .scheduled : .ready }
        }
        try save(row, id, rows)
        try enter(id, row, state, job.queue, rows)
        tell(.edited, id, row, state)
        return .done(state)
    }

    private func replacePayload(
        of id: UInt64, _ row: inout JobRow, with payload: StoredPayload, staged: UInt64?,
        _ rows: borrowing Transaction
    ) throws {
        try deletePayload(id, row, rows)
        refer(payload)
        row.payload = payload
        row.stagedPayload = staged
        row.payloadBytes = UInt32(payload.bytes.count)
        row.payloadPlace = payload.place
        if payload.place == .pieces, staged == nil {
            try putPieces(payload.bytes, of: id, .payload, rows)
        }
        if let staged { try noteOwner(id, ofStaged: staged, rows) }
        // The key's row says which payload its holder has.
        if let unique = row.unique, unique.isHeld { try hold(unique, id, row, rows) }
    }
}

extension JobRow {
    fileprivate mutating func change(_ edit: JobEdit, now: UInt64) {
        if let priority = edit.priority { order = 255 - priority }
        var options = self.options ?? StoredOptions()
        if let timeToLive = edit.timeToLive { options.expiresAt = now + timeToLive }
        if let timeout = edit.timeout { options.timeout = timeout }
        if let tags = edit.tags { options.tags = tags }
        if let headers = edit.headers { options.headers = headers }
        self.options = options.isEmpty ? nil : options
    }
}
