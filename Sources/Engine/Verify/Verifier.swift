package import Store

/// Proves that the rows agree with each other: every job is in exactly one place, whatever points to a
/// job is meant by it, counters equal what they count, nothing is left of what is gone.
///
/// It looks at rows alone, in a snapshot or in a transaction after `Engine.finish`, a bounded piece at a
/// time: each piece is true of the snapshot that it saw. What is compared as a whole, a counter with
/// what it counts, may be too much for one piece: then the next goes on adding up, but only if it sees
/// the same rows. Else the comparison is left out, since nobody could say what it should come to.
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
    /// The last turn whose rows are looked at: with the same number they are the same.
    let turn: UInt64
    private(set) var rowsLeft: Int
    /// Damaged records met where others tell of them.
    private(set) var damagePassed = 0

    package init(asOf: UInt64, turn: UInt64, rowsMax: Int = 10_000) {
        self.asOf = asOf
        self.turn = turn
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
        let verifier = Verifier(asOf: asOf, turn: 0, rowsMax: .max)
        try verifier.look(from: [], rows)
        return verifier
    }

    // MARK: Stages

    /// What is looked at, one after the other.
    enum Stage: UInt8, CaseIterable {
        case queues, names, jobs, index, leases, timers, sessions, producers, answers, pieces
        case staging, unique, notes, groups, actions, times, dictionaries, damaged
        case numbers, leaseSums, producerSums, indexSums, jobSums, dictionarySums
    }

    /// Where a piece begins.
    struct Place {
        var stage: Stage
        /// The first row's key, or an empty one.
        var key: [UInt8] = []
        /// In a long run: the first job that was not looked at.
        var job: UInt64 = 0
        /// What was added up by the pieces before, behind the turn that they saw; empty: nothing.
        var tally: [UInt64] = []

        init(stage: Stage) { self.stage = stage }

        init(_ cursor: [UInt8]) throws(VerifierCursorError) {
            guard let first = cursor.first else {
                stage = .queues
                return
            }
            guard let stage = Stage(rawValue: first), cursor.count >= 10,
                cursor.count - 10 - 8 * Int(cursor[9]) <= Key.capacity - 1,
                cursor.count >= 10 + 8 * Int(cursor[9])
            else { throw VerifierCursorError() }
            self.stage = stage
            job = number(cursor, 1)
            tally = (0..<Int(cursor[9])).map { number(cursor, 10 + 8 * $0) }
            key = Array(cursor[(10 + 8 * tally.count)...])
        }

        var bytes: [UInt8] {
            let numbers = [job] + tally
            var bytes = numbers.flatMap { number in
                (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) }
            }
            bytes.insert(UInt8(tally.count), at: 8)
            return [stage.rawValue] + bytes + key
        }
    }

    /// What the pieces before this one have added up; zeros when it is the first. Nil when they saw other
    /// rows than this one.
    func carried(_ count: Int, _ place: Place) -> [UInt64]? {
        guard place.tally.count == count + 1 else { return Array(repeating: 0, count: count) }
        return place.tally[0] == turn ? Array(place.tally[1...]) : nil
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
        case .dictionaries: try lookAtDictionaries(place, rows)
        case .damaged: try lookAtDamaged(place, rows)
        case .numbers: try lookAtNumbers(rows)
        case .leaseSums: try addUpLeases(place, rows)
        case .producerSums: try addUpProducers(place, rows)
        case .indexSums: try addUpIndex(place, rows)
        case .jobSums: try addUpJobs(place, rows)
        case .dictionarySums: try addUpDictionaries(place, rows)
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
        while let from = start {
            start = nil
            var last = from
            do {
                try rows.scan(table, from: from) { key, row in
                    last = key.whole
                    return try body(&key, &row) ? .next : .stop
                }
            } catch let error as StoreError {
                guard case .damaged(let found, let key) = error.code else { throw error }
                isDamaged(error, found)
                // The row itself, or one that it names.
                let isOwn = found == table && !key.isEmpty
                start = (isOwn ? Key(bytes: key) : last).adding(u8: 0)
            }
        }
    }

    /// The same as `visit` for rows that are looked at elsewhere, too: damage is told there.
    /// - Parameter body: says whether to go on.
    func visitQuietly<Source: Rows & ~Copyable>(
        _ table: Table, from place: Place, _ rows: borrowing Source,
        _ body: (inout KeyReader, inout RowReader) throws -> Bool
    ) throws -> Place? {
        var next: Place?
        try quietly {
            try visitToTheEnd(table, from: place.key, rows) { key, row in
                guard !hasEnough else {
                    next = Place(stage: place.stage)
                    next?.key = key.whole.withBytes { Array($0) }
                    return false
                }
                saw(1)
                return try body(&key, &row)
            }
        }
        return next
    }

    /// Tells nothing of damage that `body` finds.
    func quietly(_ body: () throws -> Void) rethrows {
        let told = problems.count
        try body()
        let found = problems[told...]
        damagePassed += found.count { $0.isDamage }
        problems[told...].removeAll { $0.isDamage }
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
