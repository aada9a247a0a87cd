package import Store

/// Long payloads are stored ahead of their jobs, and long results ahead of their settlements, some
/// pieces in each turn, so that the turn that submits or settles is as short as any other. Until then a
/// staging row lists the ids that the pieces are stored under; what a crash leaves of it is removed at
/// the next start.
extension Engine {
    /// Sets ids aside: for jobs whose payloads come first, or for results, which are stored under ids of their
    /// own, since who may settle is known only when they are.
    /// - Returns: the first of them.
    package func beginStaging(_ count: Int, _ rows: borrowing Transaction) throws -> UInt64 {
        let first = counters.nextJob
        // At least one: the first is the name of the row.
        counters.nextJob += UInt64(max(1, count))
        try rows.put(Tables.staging, .job(first)) { $0.u32(UInt32(count)) }
        return first
    }

    /// Stores some pieces of a payload or result.
    /// - Parameter offset: a multiple of `EngineLimits.pieceBytes`, where `bytes` begin in it.
    package func stage(
        _ bytes: UnsafeRawBufferPointer, at offset: Int, of id: UInt64,
        _ part: PayloadPart, _ rows: borrowing Transaction
    ) throws {
        try putPieces(bytes, from: UInt32(offset / EngineLimits.pieceBytes), of: id, part, rows)
    }

    /// Removes what was staged and belongs to no job: it is refused, or its lease was lost.
    package func discardStaged(
        _ payload: StoredPayload, _ id: UInt64, _ part: PayloadPart, _ rows: borrowing Transaction
    ) throws {
        try deletePieces(UInt32(payload.bytes.count), of: id, part, rows)
    }

    /// Stores beside the pieces of what was staged for a job that was there already whose they are, which nothing
    /// else leads to.
    func noteOwner(
        _ id: UInt64, ofStaged staged: UInt64, _ rows: borrowing Transaction
    ) throws {
        try rows.put(Tables.pieces, .owner(ofStaged: staged)) { $0.u64(id) }
    }

    func forgetOwner(ofStaged staged: UInt64, _ rows: borrowing Transaction) throws {
        _ = try rows.delete(Tables.pieces, .owner(ofStaged: staged))
    }

    /// What was staged has its jobs: no crash removes it any more.
    package func endStaging(_ first: UInt64, _ rows: borrowing Transaction) throws {
        _ = try rows.delete(Tables.staging, .job(first))
    }

    /// Removes what was staged for jobs that never came.
    func forgetStaged(_ rows: borrowing Transaction) throws {
        var staged: [JobRun] = []
        let damaged = try rows.survey(Tables.staging) { key, reader in
            staged.append(JobRun(first: try key.u64(), count: try reader.u32()))
        }
        for run in staged {
            var keys: [Key] = []
            let damagedPieces = try rows.survey(
                Tables.pieces, from: .job(run.first), to: .job(run.end)
            ) { key, _ in keys.append(key.whole) }
            for key in keys + damagedPieces.map({ Key($0.key) }) {
                _ = try rows.delete(Tables.pieces, key)
            }
            try endStaging(run.first, rows)
        }
        for row in damaged { try forgetStaged(row, rows) }
    }
}
