import Store
import TestSupport
import Testing

@testable import Engine

/// What does not add up is found, wherever it is, and repaired.
@Suite(.fewAtATime, .timeLimit(.minutes(2)))
struct VerifierTests {
    /// A store with something in every table, and ids of jobs in it.
    private func full() throws -> EngineHarness {
        let harness = try EngineHarness()
        harness.verifies = false
        try harness.openSession(1)
        _ = try harness.submitOneOfEach()
        var wish = Wish(expires: 5_000_000, tags: ["red"])
        wish.unique = UniqueWish(key: "k", scope: .period, policy: .existing, period: 9_000_000)
        try harness.turn { rows in
            _ = try harness.submit("notes", payload: pattern(9_000), wish, rows)
            try harness.engine.remember(
                producer: 1, sequence: 1, JobRun(first: 1, count: 1), rows)
        }
        let delivery = try harness.deliver("notes", lease: 1_000_000)
        try harness.turn { rows in
            let (id, token) = (delivery.ids[0], delivery.token)
            _ = try harness.engine.progress(
                id, token: token, session: 1, done: 1, message: "", rows)
            _ = try harness.log(id, token, by: 1, ["line"], rows)
            _ = try harness.checkpoint(id, token, by: 1, pattern(3_000), rows)
            _ = try harness.cancel(id, grace: 500_000, reason: "no", rows)
        }
        _ = try harness.begin(JobAction(.delete), on: JobFilter(queue: "none"))
        #expect(try harness.problems() == [])
        return harness
    }

    @Test func `a full store agrees with itself, looked at as a whole or in pieces`() throws {
        let harness = try full()
        var pieces = 0
        var cursor: [UInt8] = []
        var rows: UInt64 = 0
        repeat {
            let verifier = Verifier(asOf: harness.now, rowsMax: 3)
            try harness.look { try verifier.look(from: cursor, $0) }
            #expect(verifier.problems == [])
            rows += verifier.rowsSeen
            cursor = verifier.cursor
            pieces += 1
        } while !cursor.isEmpty && pieces < 1_000
        #expect(pieces > 10)
        #expect(pieces < 1_000)
        #expect(rows > 30)
    }

    @Test func `a cursor that nobody gave is refused`() throws {
        let harness = try EngineHarness()
        #expect(throws: VerifierCursorError.self) {
            try harness.look { try Verifier(asOf: 0).look(from: [99, 1], $0) }
        }
    }

    @Test(arguments: Fault.allCases)
    func `a fault is found and repaired`(_ fault: Fault) throws {
        let harness = try full()
        let before = try harness.states()
        try harness.look { rows in try fault.commit(rows) }
        let problems = try harness.problems()
        #expect(!problems.isEmpty)
        _ = try harness.repair()
        #expect(try harness.problems() == [])
        #expect(try harness.states() == before)
    }

    @Test func `repairing what is right changes nothing`() throws {
        let harness = try full()
        try harness.restart()
        let before = try harness.dump()
        let report = try harness.repair()
        #expect(report.orphans == 0)
        #expect(report.setAside == 0)
        #expect(report.sentences == [])
        #expect(try harness.dump().count == before.count)
        #expect(try harness.problems() == [])
    }
}

/// Something that is wrong with the rows.
enum Fault: CaseIterable {
    case indexRowGone, indexRowTwice, indexRowOfNoJob, timerGone, timerOfNoJob, keyRowGone
    case keyRowOfNoJob, noteOfNoJob, pieceOfNoJob, groupCountsWrong, counterWrong, leaseOfNoJob
    case leaseTimerGone, cancelNotListed, stagingWithoutEnd, nameGone, answerOfNobody, queueGone

    func commit(_ rows: borrowing Transaction) throws {
        switch self {
        case .indexRowGone: try removeFirst(Tables.index, rows)
        case .indexRowTwice:
            try rows.put(Tables.index, IndexPlace(2, .ready, order: 127).key(7)) { $0.u32(1) }
        case .indexRowOfNoJob:
            try rows.put(Tables.index, IndexPlace(1, .dead).key(900)) { $0.u32(3) }
        case .timerGone: try removeFirst(Tables.timers, rows)
        case .timerOfNoJob:
            let place = TimerPlace.expiry(.max, queue: 1)
            try rows.put(Tables.timers, place.key(900)) { $0.u32(1) }
        case .keyRowGone: try removeFirst(Tables.unique, rows)
        case .keyRowOfNoJob:
            let key = Key().adding(u32: 1).adding(u64: 7).adding(u64: 900)
            try rows.put(Tables.unique, key) { $0.bytes([UInt8](repeating: 0, count: 10)) }
        case .noteOfNoJob: try rows.put(Tables.notes, .note(900, .log)) { $0.u64(0) }
        case .pieceOfNoJob: try rows.put(Tables.pieces, .piece(900, .payload, 0)) { $0.u8(1) }
        case .groupCountsWrong: try removeFirst(Tables.groups, rows)
        case .counterWrong:
            try rows.put(Tables.queues, .queue(1)) { QueueRow(name: "one").write(to: &$0) }
        case .leaseOfNoJob:
            var lease = LeaseRow(
                session: 1, subscription: 1, queue: 1, startedAt: 1, deadline: 2)
            lease.jobs.insert(0)
            try rows.put(Tables.leases, .lease(900, 900)) { lease.write(to: &$0) }
        case .leaseTimerGone:
            try remove(Tables.timers, rows) { try Timer(from: &$0).kind == .lease }
        case .cancelNotListed: _ = try rows.delete(Tables.notes, .cancelling(8))
        case .nameGone: try removeFirst(Tables.names, rows)
        case .answerOfNobody: try rows.put(Tables.answers, .answer(9, 9, 0)) { $0.u8(1) }
        case .queueGone: _ = try rows.delete(Tables.queues, .queue(2))
        case .stagingWithoutEnd:
            try rows.put(Tables.pieces, .piece(901, .result, 0)) { $0.u8(1) }
        }
    }

    private func removeFirst(_ table: Table, _ rows: borrowing Transaction) throws {
        try remove(table, rows) { _ in true }
    }

    private func remove(
        _ table: Table, _ rows: borrowing Transaction, _ isMeant: (inout KeyReader) throws -> Bool
    ) throws {
        var found: Key?
        try rows.scan(table, from: Key()) { key, _ in
            let whole = key.whole
            guard try isMeant(&key) else { return .next }
            found = whole
            return .stop
        }
        if let found { _ = try rows.delete(table, found) }
    }
}

extension EngineHarness {
    /// Where every job is.
    fileprivate func states() throws -> [UInt64: JobState] {
        let next = engine.nextJobID
        return try look { rows in
            try (1..<next).reduce(into: [:]) { states, id in
                states[id] =
                    try engine.inspect(id, withPayload: false, withResult: false, rows)?.state
            }
        }
    }
}
