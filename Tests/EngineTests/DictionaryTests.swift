import Store
import Testing

@testable import Engine

/// Dictionaries, and who needs them.
struct DictionaryTests {
    let harness: EngineHarness

    /// Lengths of payloads that need the active dictionary, and of those that need none.
    private let packed = pattern(20)
    private let plain = pattern(21)

    init() throws {
        harness = try EngineHarness()
        try harness.openSession(1)
    }

    private func row(_ id: UInt32) -> DictionaryRow? { harness.engine.dictionary(id) }
    private var references: UInt64? { row(40_000)?.references }

    private func retire(_ id: UInt32 = 40_000) throws -> Bool {
        try harness.turn { _ in harness.engine.retireDictionary(id) }
    }

    // MARK: Registering

    @Test func `the newest of a type is active, and its bytes are kept`() throws {
        let bytes = pattern(5_000, seed: 3)
        #expect(try harness.register(40_000, bytes: bytes) == .active)
        #expect(try harness.register(50_000, type: "bill") == .active)
        #expect(harness.engine.activeDictionary(of: "letter") == 40_000)
        #expect(try harness.look { try harness.engine.bytes(ofDictionary: 40_000, $0) } == bytes)
        #expect(row(40_000)?.version == 1)
        #expect(row(40_000)?.byteCount == 5_000)
        #expect(row(40_000)?.createdAt == harness.now)
        #expect(harness.engine.dictionaryIDs == [40_000, 50_000])
    }

    @Test func `of two clients that train at the same time the second learns of the first`() throws
    {
        #expect(try harness.register(40_000, replacing: 0) == .active)
        #expect(try harness.register(40_001, replacing: 0) == .exists(40_000))
        #expect(harness.engine.dictionaryIDs == [40_000])
        #expect(try harness.register(40_001, replacing: 40_000) == .active)
        #expect(try harness.register(40_002, replacing: 40_000) == .exists(40_001))
    }

    @Test func `the same again is accepted, another under its id is not`() throws {
        try harness.register(40_000)
        #expect(try harness.register(40_000, replacing: 0) == .active)
        #expect(try harness.register(40_000, bytes: pattern(7)) == .exists(40_000))
        #expect(try harness.register(40_000, type: "bill") == .exists(40_000))
        #expect(row(40_000)?.version == 1)
    }

    @Test func `there are no more of a type than may be`() throws {
        for number in 0..<UInt32(EngineLimits.dictionariesPerTypeMax) {
            #expect(try harness.register(40_000 + number) == .active)
            try harness.submit(payload: packed)
        }
        let limit = EngineLimits.dictionariesPerTypeMax
        #expect(try harness.register(50_000) == .tooMany(limit: limit, ofType: true))
        #expect(try harness.register(50_000, type: "bill") == .active)
    }

    @Test func `dictionaries and their counts survive a restart and a crash`() throws {
        try harness.register(40_000)
        try harness.submit(payload: packed)
        try harness.restart()
        #expect(references == 1)
        #expect(harness.engine.activeDictionary(of: "letter") == 40_000)
        try harness.submit(payload: packed)
        try harness.crash()
        #expect(references == 2)
        #expect(try harness.register(40_001) == .active)
        #expect(row(40_001)?.version == 2)
        #expect(row(40_000)?.retiredAt == harness.now)
    }

    // MARK: Who needs them

    @Test func `a payload counts until it is dropped, a result until the job is gone`() throws {
        try harness.register(40_000)
        let options = JobOptions(retainCompleted: 5_000)
        try harness.submit(payload: plain, options: options)
        #expect(references == 0)
        let ids = try harness.submit(count: 2, payload: packed, options: options)
        #expect(references == 2)
        let delivery = try harness.deliver()
        try harness.settle(ids[0], delivery.token, .complete(packed))
        #expect(references == 2)
        try harness.settle(ids[1], delivery.token, .complete())
        #expect(references == 1)
        try harness.advance(10_000)
        #expect(references == 0)
    }

    @Test(arguments: [0, 5_000])
    func `jobs that are completed many at once need it no more`(_ retention: UInt64) throws {
        try harness.register(40_000)
        let options = JobOptions(retainCompleted: retention)
        var ids = try harness.submit(count: 5, payload: packed, options: options)
        ids += try harness.submit(count: 2, payload: plain, options: options)
        ids += try harness.submit(count: 3, payload: packed, options: options)
        #expect(references == 8)
        let delivery = try harness.deliver()
        #expect(delivery.jobs.map(\.codec) == [2, 2, 2, 2, 2, 1, 1, 2, 2, 2])
        let run = JobRun(first: ids[0], count: 9)
        let done = try harness.turn { rows in
            try harness.complete(run, delivery.token, by: 1, rows)
        }
        #expect(done == Array(repeating: true, count: 9))
        #expect(references == 1)
    }

    @Test func `options of jobs that need one are read as they were said`() throws {
        try harness.register(40_000)
        let ids = try harness.submit(
            count: 4, payload: packed, options: JobOptions(maxAttempts: 7, retainCompleted: 0))
        let delivery = try harness.deliver()
        #expect(delivery.ids == ids)
        #expect(delivery.jobs.allSatisfy { $0.payload == packed && $0.maxAttempts == 7 })
    }

    @Test(arguments: [20, 5_000])
    func `a payload that takes the place of another names its own dictionary`(_ bytes: Int) throws {
        try harness.register(40_000)
        let id = try harness.submit(payload: pattern(bytes))[0]
        try harness.register(40_001)
        #expect(references == 1)
        try harness.turn { rows in
            var edit = JobEdit()
            edit.payload = harness.stored(pattern(bytes + 2))
            _ = try harness.engine.edit(id, edit, rows)
        }
        #expect(row(40_000) == nil)
        #expect(row(40_001)?.references == 1)
    }

    @Test func `a retired one stays until the last job that names it is gone`() throws {
        try harness.register(40_000)
        let ids = try harness.submit(
            count: 2, payload: packed, options: JobOptions(retainCompleted: 0))
        #expect(try retire())
        #expect(harness.engine.activeDictionary(of: "letter") == nil)
        #expect(row(40_000)?.isRetired == true)
        let delivery = try harness.deliver()
        try harness.settle(ids[0], delivery.token, .complete())
        #expect(try harness.look { try harness.engine.bytes(ofDictionary: 40_000, $0) } != nil)
        try harness.settle(ids[1], delivery.token, .complete())
        #expect(row(40_000) == nil)
        #expect(try harness.rowCount(Tables.dictionaries) == 0)
        #expect(try !retire())
    }

    @Test func `a retired one that nobody needs is gone at once`() throws {
        try harness.register(40_000)
        #expect(try retire())
        #expect(try harness.rowCount(Tables.dictionaries) == 0)
    }

    @Test func `jobs that go in other ways need their dictionary no more`() throws {
        try harness.register(40_000)
        try harness.submit(payload: packed, options: JobOptions(maxAttempts: 1, retainDead: 1_000))
        try harness.settle(try harness.deliver(), .fail())
        #expect(references == 1)
        let cancelled = try harness.submit(payload: packed)[0]
        _ = try harness.act(.cancel, on: cancelled)
        _ = try harness.act(.delete, on: cancelled)
        try harness.submit("gone", count: 3, payload: packed)
        #expect(references == 4)
        try harness.turn { rows in
            _ = try harness.engine.deleteQueue(harness.index("gone"), force: true, rows)
        }
        try harness.advance(3_000)
        #expect(references == 0)
    }

    @Test(arguments: [20, 5_000])
    func `a payload whose dictionary is not there is refused`(_ bytes: Int) throws {
        let outcome = try harness.turn { rows in
            var submission = harness.submission(payload: pattern(bytes))
            submission.payload.codec = StoredPayload.dictionaryCodec
            submission.payload.dictionary = 40_000
            return try harness.engine.submit(submission, to: harness.index("mail"), rows)
        }
        #expect(outcome == .withoutDictionary(40_000))
        #expect(try harness.rowCount(Tables.jobs) == 0)
        #expect(try harness.rowCount(Tables.pieces) == 0)
    }

    // MARK: What does not add up

    @Test func `a count that is wrong is found and mended`() throws {
        harness.verifies = false
        try harness.register(40_000)
        try harness.submit(count: 3, payload: packed)
        try harness.look { rows in
            var row = try #require(self.row(40_000))
            row.references = 2
            try rows.put(Tables.dictionaries, .dictionary(40_000)) { row.write(to: &$0) }
        }
        let problem = "dictionaries: dictionary 40000 counts 2 references of 3"
        #expect(try harness.problems() == [problem])
        _ = try harness.repair()
        #expect(try harness.problems() == [])
        #expect(references == 3)
    }

    @Test func `a dictionary that has lost bytes is found and set aside`() throws {
        harness.verifies = false
        try harness.register(40_000)
        try harness.submit(payload: packed)
        try harness.look { rows in
            _ = try rows.delete(Tables.dictionaries, .dictionary(40_000, 1))
        }
        #expect(try harness.problems().count == 1)
        let report = try harness.repair()
        #expect(report.sentences.contains("1 payloads need dictionary 40000, which is lost"))
        #expect(try harness.problems() == [])
        #expect(row(40_000) == nil)
    }

    @Test func `a job whose dictionary is gone is found`() throws {
        harness.verifies = false
        try harness.register(40_000)
        try harness.submit(payload: packed)
        try harness.look { rows in
            try rows.clear(
                Tables.dictionaries, from: .dictionary(40_000), to: .dictionary(40_001))
        }
        #expect(
            try harness.problems() == ["jobs: job 1 names dictionary 40000, which is not there"])
    }

    @Test(arguments: [true, false])
    func `counts of more dictionaries than a cursor holds are compared in pieces`(
        _ isRight: Bool
    ) throws {
        harness.verifies = false
        for number in 0..<40 as Range<UInt32> {
            try harness.register(40_000 + number, type: "type-\(number)")
        }
        try harness.register(50_000)
        try harness.submit(count: 30, payload: packed)
        if !isRight {
            try harness.look { rows in
                var row = try #require(self.row(50_000))
                row.references = 29
                try rows.put(Tables.dictionaries, .dictionary(50_000)) { row.write(to: &$0) }
            }
        }
        var (problems, cursor, looks): ([Verifier.Problem], [UInt8], Int) = ([], [], 0)
        repeat {
            let verifier = Verifier(asOf: harness.now, turn: 1, rowsMax: 20)
            try harness.look { try verifier.look(from: cursor, $0) }
            (problems, cursor, looks) = (problems + verifier.problems, verifier.cursor, looks + 1)
            #expect(cursor.count <= 255)
        } while !cursor.isEmpty && looks < 1_000
        #expect(cursor.isEmpty)
        #expect(problems.count == (isRight ? 0 : 1))
    }
}
