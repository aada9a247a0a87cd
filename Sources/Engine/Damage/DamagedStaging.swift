import Store

extension Engine {
    /// Removes what a damaged staging row spoke of: pieces from its first job on that belong to no job.
    func forgetStaged(_ damaged: DamagedRow, _ rows: borrowing Transaction) throws {
        let sentence = "the record of a submission that was being stored is set aside"
        try setAside(Tables.staging, Key(damaged.key), sentence, damaged.error, rows)
        var pieces: [UInt64: [Key]] = [:]
        let start = Key.job(number(damaged.key, 0))
        let damagedPieces = try rows.survey(Tables.pieces, from: start) { key, _ in
            let whole = key.whole
            pieces[try key.u64(), default: []].append(whole)
        }
        for piece in damagedPieces {
            pieces[number(piece.key, 0), default: []].append(Key(piece.key))
        }
        // What was staged for jobs that were there already is stored under ids of its own.
        _ = try rows.survey(Tables.jobs) { _, reader in
            for id in try JobRow(from: &reader).stagedIDs { pieces[id] = nil }
        }
        for (id, keys) in pieces {
            guard try !rows.contains(Tables.jobs, .job(id)),
                try !rows.contains(Tables.damaged, .damaged(Tables.jobs, .job(id)))
            else { continue }
            for key in keys { _ = try rows.delete(Tables.pieces, key) }
        }
    }
}
