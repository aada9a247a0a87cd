package import Store

/// One job of a submission. Pointers are valid during the call.
package struct Submission {
    package var type: UnsafeRawBufferPointer
    package var payload: StoredPayload
    package var options: JobOptions

    package init(type: UnsafeRawBufferPointer, payload: StoredPayload, options: JobOptions) {
        self.type = type
        self.payload = payload
        self.options = options
    }
}

extension Engine {
    /// The id that the next submitted job will have.
    package var nextJobID: UInt64 { counters.nextJob }

    /// Stores a job and makes it ready. The caller has checked everything there is to check.
    /// - Returns: its id; ids ascend.
    package func submit(
        _ submission: Submission, to queue: QueueIndex, _ rows: borrowing Transaction
    ) throws -> UInt64 {
        let id = counters.nextJob
        counters.nextJob += 1
        try put(submission, id, queue, isAscending: true, rows)
        let bytes = submission.payload.bytes
        if bytes.count > EngineLimits.inlineBytesMax {
            try putPieces(bytes, of: id, .payload, rows)
        }
        return id
    }

    /// The same for a job whose id was set aside and whose payload, if it is long, was staged.
    package func submit(
        staged id: UInt64, _ submission: Submission, to queue: QueueIndex,
        _ rows: borrowing Transaction
    ) throws {
        try put(submission, id, queue, isAscending: false, rows)
    }

    private func put(
        _ submission: Submission, _ id: UInt64, _ queue: QueueIndex, isAscending: Bool,
        _ rows: borrowing Transaction
    ) throws {
        let payload = submission.payload
        let isInRow = payload.bytes.count <= EngineLimits.inlineBytesMax
        let row = JobRow(
            state: .ready, order: Engine.defaultOrder, queue: queues[queue.value].id,
            createdAt: stamp.now,
            maxAttempts: submission.options.maxAttempts ?? JobOptions.defaultMaxAttempts,
            type: submission.type, options: JobRow.StoredOptions(submission.options),
            payload: payload, payloadBytes: UInt32(payload.bytes.count),
            payloadPlace: isInRow ? .row : .pieces)
        try rows.put(Tables.jobs, .job(id), ascending: isAscending) { row.write(to: &$0) }
        count(queue.value) { $0.ready += 1 }
        try queues[queue.value].ready.insert(id, order: row.order, rows)
    }

    /// Priority 128.
    static let defaultOrder: UInt8 = 127

    /// Removes everything that is stored of a job.
    func forget(_ id: UInt64, _ row: JobRow, _ rows: borrowing Transaction) throws {
        if row.payloadPlace == .pieces {
            try deletePieces(row.payloadBytes, of: id, .payload, rows)
        }
        if row.resultPlace == .pieces {
            try deletePieces(row.resultBytes, of: row.stagedResult ?? id, .result, rows)
        }
        _ = try rows.delete(Tables.jobs, .job(id))
    }
}
