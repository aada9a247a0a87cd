import Store

extension Verifier {
    // MARK: Workers

    func lookAtSessions<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        try visit(Tables.sessions, from: place, rows) { key, reader in
            let id = try key.u64()
            _ = try reader.u64()
            let graceEnds = try reader.u64()
            // One whose grace is over is being ended: its timer has fired.
            guard graceEnds > asOf, graceEnds != Session.hasEnded else { return }
            let timer = Timer(due: graceEnds, kind: .session, id)
            expect(
                try rows.contains(Tables.timers, timer.key), Tables.sessions,
                "session \(id) has no timer at \(graceEnds)")
        }
    }

    // MARK: Bytes

    func lookAtPieces<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        try visit(Tables.pieces, from: place, rows) { key, reader in
            let id = try key.u64()
            let part = PayloadPart(rawValue: try key.u8())
            let index = try key.u32()
            guard let job = try job(id, rows) else {
                let isKnown = try isStaged(id, rows) || isExcused(id, rows)
                return expect(
                    try isKnown || hasOwner(id, rows), Tables.pieces,
                    "a piece is of job \(id), which has no row")
            }
            let bytes = part == .payload ? job.pieces.payload : job.pieces.result
            expect(
                part != nil && index < pieces(beside: bytes), Tables.pieces,
                "job \(id) has a piece \(index) of \(bytes) bytes")
        }
    }

    /// Whether a job has the payload or result that was staged under an id.
    private func hasOwner<Source: Rows & ~Copyable>(
        _ id: UInt64, _ rows: borrowing Source
    ) throws -> Bool {
        let owner = try passingDamage {
            try rows.get(Tables.pieces, .owner(ofStaged: id)) { try $0.u64() }
        }
        guard let owner else {
            return try rows.contains(Tables.pieces, .owner(ofStaged: id))
        }
        guard let job = try job(owner, rows) else { return try isExcused(owner, rows) }
        return job.stagedIDs.contains(id)
    }

    func lookAtStaging<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        try visit(Tables.staging, from: place, rows) { key, reader in
            let first = try key.u64()
            expect(try reader.u32() > 0, Tables.staging, "nothing is staged at job \(first)")
        }
    }

    private func isStaged<Source: Rows & ~Copyable>(
        _ id: UInt64, _ rows: borrowing Source
    ) throws -> Bool {
        saw(1)
        return try rows.last(Tables.staging, atOrBefore: .job(id)) { key, row in
            JobRun(first: try key.u64(), count: try row.u32()).contains(id)
        } ?? false
    }

    // MARK: Keys and notes

    func lookAtUniqueKeys<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        try visit(Tables.unique, from: place, rows) { key, reader in
            let queue = try key.u32()
            _ = try key.u64()
            let id = try key.u64()
            let row = try UniqueRow(job: id, from: &reader)
            guard let job = try job(id, rows) else {
                return expect(
                    try isExcused(id, rows), Tables.unique,
                    "a key is held by job \(id), which has no row")
            }
            expect(
                job.queue == queue && job.key?.bytes.elementsEqual(row.key) ?? false, Tables.unique,
                "a key of queue \(queue) says that job \(id) holds it; that does not")
        }
    }

    func lookAtNotes<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        try visit(Tables.notes, from: place, rows) { key, _ in
            var id = try key.u64()
            let kind = NoteKind(rawValue: try key.u8())
            // The list of jobs that are to be cancelled is of job 0.
            if kind == .cancelling, id == 0 { id = try key.u64() }
            guard let job = try job(id, rows) else {
                return expect(
                    try isExcused(id, rows), Tables.notes,
                    "a note is of job \(id), which has no row")
            }
            try judge(kind, of: id, job, rows)
        }
    }

    private func judge<Source: Rows & ~Copyable>(
        _ note: NoteKind?, of id: UInt64, _ job: JobFacts, _ rows: borrowing Source
    ) throws {
        expect(
            job.hasNotes || note == .cancelling, Tables.notes,
            "job \(id) has a note that it does not know of")
        switch note {
        case nil: expect(false, Tables.notes, "job \(id) has a note of no kind")
        case .log, .logState: break
        case .checkpoint:
            expect(!job.state.isFinished, Tables.notes, "finished job \(id) has a checkpoint")
        case .cancelling:
            expect(
                job.cancelEndsAt > 0, Tables.notes, "job \(id) is listed, and not to be cancelled")
        case .progress:
            expect(
                try lease(of: id, rows) != nil, Tables.notes,
                "job \(id) does not run, and has progress")
        }
    }
}
