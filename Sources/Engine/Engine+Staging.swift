package import Store

/// Long payloads are stored ahead of their jobs, some pieces in each turn, so that the turn that
/// submits the jobs is as short as any other. Until then a staging row lists the ids that the pieces
/// are stored under; what a crash leaves of it is removed at the next start.
extension Engine {
    /// Sets ids aside for jobs whose payloads come first.
    /// - Returns: the first of them.
    package func beginStaging(_ count: Int, _ rows: borrowing Transaction) throws -> UInt64 {
        let first = counters.nextJob
        counters.nextJob += UInt64(count)
        try rows.put(Tables.staging, .job(first)) { $0.u32(UInt32(count)) }
        return first
    }

    /// Stores some pieces of a payload.
    /// - Parameter offset: a multiple of `EngineLimits.pieceBytes`, where `bytes` begin in the payload.
    package func stage(
        _ bytes: UnsafeRawBufferPointer, at offset: Int, of id: UInt64,
        _ rows: borrowing Transaction
    ) throws {
        try putPieces(bytes, from: UInt32(offset / EngineLimits.pieceBytes), of: id, .payload, rows)
    }

    /// The jobs are submitted, under the ids that were set aside.
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
