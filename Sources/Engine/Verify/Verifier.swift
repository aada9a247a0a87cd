package import Store

/// Proves that the rows agree with each other: every job is in exactly one place, whatever points to a
/// job is meant by it, counters equal what they count, nothing is left of what is gone.
///
/// It looks at rows alone, in a snapshot or in a transaction after `Engine.finish`, a bounded piece at a
/// time: each piece is true of the snapshot that it saw. Only counters are added up in one go.
///
/// Owned by whoever makes it, for one piece.
package final class Verifier {
    package struct Problem: Sendable, Equatable {
        package var table: Table
        package var sentence: String
        /// The record's bytes do not match its check value, or make no sense.
        package var isDamage = false
    }

    package internal(set) var problems: [Problem] = []
    package private(set) var rowsSeen: UInt64 = 0
    package internal(set) var jobsSeen: UInt64 = 0
    /// Where the next piece begins; empty when this was the last.
    package private(set) var cursor: [UInt8] = []

    /// When the rows were as they are: sessions whose grace is over by then are being ended.
    let asOf: UInt64
    private var rowsLeft: Int

    package init(asOf: UInt64, rowsMax: Int = 20_000) {
        self.asOf = asOf
        rowsLeft = rowsMax
    }

    /// Looks at rows from where `cursor` says, until it has seen enough.
    /// - Throws: `StoreError` when LMDB fails; `VerifierCursorError` when the cursor is none.
    package func look<Source: Rows & ~Copyable>(
        from cursor: [UInt8], _ rows: borrowing Source
    ) throws {
        var place = try Place(cursor)
        while rowsLeft > 0 {
            if let next = try look(place, rows) {
                self.cursor = next.bytes
                return
            }
            guard let stage = Stage(rawValue: place.stage.rawValue + 1) else {
                self.cursor = []
                return
            }
            place = Place(stage: stage)
        }
        self.cursor = place.bytes
    }

    /// Looks at everything.
    package static func everything<Source: Rows & ~Copyable>(
        asOf: UInt64, _ rows: borrowing Source
    ) throws -> Verifier {
        let verifier = Verifier(asOf: asOf, rowsMax: .max)
        try verifier.look(from: [], rows)
        return verifier
    }

    // MARK: Stages

    /// What is looked at, one after the other.
    enum Stage: UInt8, CaseIterable {
        case queues, names, jobs, index, leases, timers, sessions, producers, answers, pieces
        case staging, unique, notes, groups, actions, times, sums
    }

    /// Where a piece begins.
    struct Place {
        var stage: Stage
        /// The first row's key, or an empty one.
        var key: [UInt8] = []
        /// In a long run: the first job that was not looked at.
        var job: UInt64 = 0

        init(stage: Stage) { self.stage = stage }

        init(_ cursor: [UInt8]) throws(VerifierCursorError) {
            guard let first = cursor.first else {
                stage = .queues
                return
            }
            guard let stage = Stage(rawValue: first), cursor.count >= 9, cursor.count <= 64 else {
                throw VerifierCursorError()
            }
            self.stage = stage
            job = cursor[1..<9].reduce(0) { $0 << 8 | UInt64($1) }
            key = Array(cursor[9...])
        }

        var bytes: [UInt8] {
            [stage.rawValue] + (0..<8).map { UInt8(truncatingIfNeeded: job >> (56 - 8 * $0)) } + key
        }
    }

    /// - Returns: where to go on, when the stage is not done.
    private func look<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        switch place.stage {
        case .queues: try lookAtQueues(place, rows)
        case .names: try lookAtNames(place, rows)
        case .jobs: try lookAtJobs(place, rows)
        case .index: try lookAtIndex(place, rows)
        case .leases: try lookAtLeases(place, rows)
        case .timers: try lookAtTimers(place, rows)
        case .sessions: try lookAtSessions(place, rows)
        case .producers: try lookAtProducers(place, rows)
        case .answers: try lookAtAnswers(place, rows)
        case .pieces: try lookAtPieces(place, rows)
        case .staging: try lookAtStaging(place, rows)
        case .unique: try lookAtUniqueKeys(place, rows)
        case .notes: try lookAtNotes(place, rows)
        case .groups: try lookAtGroups(place, rows)
        case .actions: try lookAtActions(place, rows)
        case .times: try lookAtTimes(place, rows)
        case .sums: try addUp(rows)
        }
    }

    // MARK: For all stages

    func expect(_ isTrue: Bool, _ table: Table, _ sentence: @autoclosure () -> String) {
        if !isTrue { problems.append(Problem(table: table, sentence: sentence())) }
    }

    func isDamaged(_ error: StoreError, _ table: Table) {
        problems.append(Problem(table: table, sentence: error.message, isDamage: true))
    }

    /// Notes rows that were looked at besides those visited.
    func saw(_ count: Int) {
        rowsSeen += UInt64(count)
        rowsLeft -= count
    }

    var hasEnough: Bool { rowsLeft <= 0 }

    /// Visits the rows of a table from a place on; damaged ones are told and passed over.
    /// - Returns: where to go on, when enough was seen.
    func visit<Source: Rows & ~Copyable>(
        _ table: Table, from place: Place, _ rows: borrowing Source,
        _ body: (inout KeyReader, inout RowReader) throws -> Void
    ) throws -> Place? {
        var next: Place?
        try visitToTheEnd(table, from: place.key, rows) { key, row in
            guard !hasEnough else {
                next = Place(stage: place.stage)
                next?.key = key.whole.withBytes { Array($0) }
                return false
            }
            saw(1)
            try body(&key, &row)
            return true
        }
        return next
    }

    /// Visits rows until `body` says no.
    func visitToTheEnd<Source: Rows & ~Copyable>(
        _ table: Table, from first: [UInt8], _ rows: borrowing Source,
        _ body: (inout KeyReader, inout RowReader) throws -> Bool
    ) throws {
        var start: Key? = Key(bytes: first)
        var last = first
        while let from = start {
            start = nil
            do {
                try rows.scan(table, from: from) { key, row in
                    last = key.whole.withBytes { Array($0) }
                    return try body(&key, &row) ? .next : .stop
                }
            } catch let error as StoreError {
                guard case .damaged(let found, let key) = error.code else { throw error }
                isDamaged(error, found)
                // The row itself, or one that it names.
                let isOwn = found == table && !key.isEmpty
                start = Key(bytes: (isOwn ? key : last) + [0])
            }
        }
    }

    /// Visits all rows of a table for what they come to; damage is told where the table is looked at.
    /// - Parameter last: the last key, where keys are ids.
    func visitAll<Source: Rows & ~Copyable>(
        _ table: Table, to last: UInt64 = .max, _ rows: borrowing Source,
        _ body: (inout KeyReader, inout RowReader) throws -> Void
    ) throws {
        let told = problems
        try visitToTheEnd(table, from: [], rows) { key, row in
            saw(1)
            var reader = key
            if last < .max, try reader.u64() > last { return false }
            try body(&key, &row)
            return true
        }
        problems = told + problems.dropFirst(told.count).filter { !$0.isDamage }
    }

    func queueExists<Source: Rows & ~Copyable>(
        _ queue: UInt32, _ rows: borrowing Source
    ) throws -> Bool {
        try rows.contains(Tables.queues, .queue(queue))
    }
}

/// A cursor that no verifier gave.
package struct VerifierCursorError: Error {}

extension Key {
    init(bytes: [UInt8]) {
        self.init()
        for byte in bytes { u8(byte) }
    }
}
