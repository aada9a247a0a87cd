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

    /// What is found by looking at a few rows at a time.
    /// - Parameter isStill: whether every piece sees the rows of the same turn.
    private func lookInPieces(
        _ harness: EngineHarness, rowsMax: Int = 3, isStill: Bool = true
    ) throws -> (problems: [Verifier.Problem], rows: [UInt64]) {
        var (problems, rows): ([Verifier.Problem], [UInt64]) = ([], [])
        var cursor: [UInt8] = []
        repeat {
            let turn = isStill ? 1 : UInt64(rows.count)
            let verifier = Verifier(asOf: harness.now, turn: turn, rowsMax: rowsMax)
            try harness.look { try verifier.look(from: cursor, $0) }
            problems += verifier.problems
            rows.append(verifier.rowsSeen)
            cursor = verifier.cursor
            #expect(cursor.count <= 255)
        } while !cursor.isEmpty && rows.count < 3_000
        #expect(rows.count < 3_000)
        return (problems, rows)
    }

    @Test(arguments: [true, false])
    func `a full store agrees with itself, looked at in pieces`(_ isStill: Bool) throws {
        let (problems, rows) = try lookInPieces(try full(), isStill: isStill)
        #expect(problems == [])
        #expect(rows.count > 10)
        #expect(rows.reduce(0, +) > 30)
    }

    @Test func `no piece looks at many more rows than it is told to`() throws {
        let harness = try full()
        try harness.submit("many", count: 2_000)
        try harness.submit("one", count: 500, options: JobOptions(maxAttempts: 1))
        while case let delivery = try harness.deliver("one", max: 9), !delivery.jobs.isEmpty {
            try harness.settle(delivery, .fail())
        }
        _ = try harness.deliver("many", max: 200)
        let (problems, rows) = try lookInPieces(harness, rowsMax: 300)
        #expect(problems == [])
        #expect(rows.count > 20)
        #expect(rows.max() ?? 0 < 300 + 2 * EngineLimits.leaseSpanMax)
    }

    @Test(arguments: Fault.allCases)
    func `a fault is found in pieces, too`(_ fault: Fault) throws {
        let harness = try full()
        try harness.look { rows in try fault.commit(rows) }
        #expect(try !lookInPieces(harness).problems.isEmpty)
    }

    @Test(arguments: [Fault.bytesWrong, .runningWrong, .listedWrong, .producerTimerTwice])
    func `a sum of several pieces that saw other rows is not judged`(_ fault: Fault) throws {
        let harness = try full()
        try harness.submit("one", count: 12, options: JobOptions(maxAttempts: 1))
        for number in 0..<12 {
            let delivery = try harness.deliver("one", max: 1, lease: 1_000_000)
            if number.isMultiple(of: 2) { try harness.settle(delivery, .fail()) }
        }
        try harness.submit("mail", count: 12)
        try harness.turn { rows in
            for producer in 2...12 as ClosedRange<UInt64> {
                let jobs = JobRun(first: 1, count: 1)
                try harness.engine.remember(producer: producer, sequence: 1, jobs, rows)
            }
        }
        #expect(try harness.problems() == [])
        try harness.look { rows in try fault.commit(rows) }
        #expect(try !lookInPieces(harness).problems.isEmpty)
        #expect(try lookInPieces(harness, isStill: false).problems == [])
    }

    @Test func `a cursor that nobody gave is refused`() throws {
        let harness = try EngineHarness()
        #expect(throws: VerifierCursorError.self) {
            try harness.look { try Verifier(asOf: 0, turn: 0).look(from: [99, 1], $0) }
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
    case bytesWrong, runningWrong, listedWrong, producerTimerTwice, actionTimerGone
    case stagedResultOfAnother

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
        case .bytesWrong: try change(2, rows) { $0.waitingBytes += 1 }
        case .runningWrong: try change(1, rows) { $0.running += 1 }
        case .listedWrong: try change(1, rows) { $0.expired += 1 }
        case .producerTimerTwice: try Timer(due: .max, kind: .producer, 1).set(rows)
        case .actionTimerGone:
            try remove(Tables.timers, rows) { try Timer(from: &$0).kind == .action }
        case .stagedResultOfAnother:
            try rows.put(Tables.pieces, .piece(901, .result, 0)) { $0.u8(1) }
            try rows.put(Tables.pieces, .owner(ofStaged: 901)) { $0.u64(1) }
        case .stagingWithoutEnd:
            try rows.put(Tables.pieces, .piece(901, .result, 0)) { $0.u8(1) }
        }
    }

    private func change(
        _ queue: UInt32, _ rows: borrowing Transaction, _ change: (inout QueueRow) -> Void
    ) throws {
        guard var row = try rows.get(Tables.queues, .queue(queue), { try QueueRow(from: &$0) })
        else { return }
        change(&row)
        try rows.put(Tables.queues, .queue(queue)) { row.write(to: &$0) }
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
