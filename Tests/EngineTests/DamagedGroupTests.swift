import Store
import TestSupport
import Testing

@testable import Engine

/// Groups of dead jobs are right again soon after something in them was damaged.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct DamagedGroupTests {
    private let mark = Array("this one's bits will flip".utf8)

    /// Three jobs dead of the same error, the second of which is damaged at rest and kept shorter.
    private func harness() throws -> EngineHarness {
        let harness = try EngineHarness()
        try harness.openSession(1)
        for id in 1...3 as ClosedRange<UInt64> {
            let retain: UInt64 = id == 2 ? 20_000 : 900_000
            try harness.submit(
                payload: id == 2 ? mark : [1],
                options: JobOptions(maxAttempts: 1, retainDead: retain))
        }
        try harness.settle(try harness.deliver(), .failed("no paper", "Paper", 7))
        try harness.restart(damaging: [mark])
        return harness
    }

    private func counts(_ harness: EngineHarness) throws -> [UInt64: UInt64] {
        let groups = try harness.deadGroups().groups
        return Dictionary(uniqueKeysWithValues: groups.map { ($0.fingerprint, $0.jobs) })
    }

    @Test func `a damaged job leaves its group when somebody comes across it`() throws {
        let harness = try harness()
        #expect(try harness.act(.retry, on: 2) == .damaged)
        #expect(try counts(harness) == [7: 2])
        #expect(try harness.deadGroups().groups.first?.example == 3)
        #expect(try harness.statistics().dead == 3)
        try harness.advance(21_000)
        #expect(try harness.statistics().dead == 2)
        #expect(try counts(harness) == [7: 2])
    }

    @Test func `a damaged job leaves its group at the latest when it is to vanish`() throws {
        let harness = try harness()
        #expect(try counts(harness) == [7: 3])
        try harness.advance(21_000)
        #expect(try counts(harness) == [7: 2])
        #expect(try harness.statistics().dead == 2)
    }

    /// Many jobs that died of two errors in turn, and a damaged group of theirs.
    private func manyDead(_ count: Int) throws -> EngineHarness {
        let harness = try EngineHarness()
        harness.verifies = false
        try harness.openSession(1)
        try harness.submit(count: count, options: JobOptions(maxAttempts: 1))
        while case let delivery = try harness.deliver(), !delivery.jobs.isEmpty {
            try harness.turn { rows in
                for id in delivery.ids {
                    let outcome = Outcome.failed("no", "Error", 7 + id % 2)
                    _ = try harness.settle(id, delivery.token, by: 1, outcome, rows)
                }
            }
        }
        let group = StoredRow(table: Tables.groups, key: .group(1, 7))
        try harness.restart(damaging: [group], at: 0.5)
        #expect(try harness.resume(1))
        return harness
    }

    @Test func `a damaged group is counted anew in bounded steps, whatever dies and leaves`() throws
    {
        let count = 2 * EngineLimits.stepsPerTurn + 500
        let harness = try manyDead(count)
        // Whoever touches the group finds it.
        try harness.act(.delete, on: 2)
        #expect(harness.damage.count == 1)
        #expect(harness.nextTurnAt == harness.now)
        let ids = [4, 6, 3, UInt64(count), UInt64(count - 1)]
        for id in ids {
            try harness.act(.delete, on: id)
            let late = try harness.submit(options: JobOptions(maxAttempts: 1))[0]
            try harness.settle(late, try harness.deliver().token, .failed("no", "Error", 8))
        }
        try harness.advance()
        #expect(harness.engine.recounts.isEmpty)
        let half = UInt64(count / 2)
        #expect(try counts(harness) == [7: half - 4, 8: half - 2 + 5])
        harness.verifies = true
        try harness.verify()
    }

    @Test func `counting anew goes on after a crash`() throws {
        let count = 2 * EngineLimits.stepsPerTurn + 500
        let harness = try manyDead(count)
        try harness.act(.delete, on: 2)
        try harness.crash()
        #expect(!harness.engine.recounts.isEmpty)
        let turns = try harness.advance()
        #expect(turns > 2)
        #expect(try counts(harness) == [7: UInt64(count / 2) - 1, 8: UInt64(count / 2)])
        harness.verifies = true
        try harness.verify()
    }

    @Test func `a queue that is deleted while its groups are counted leaves nothing`() throws {
        let harness = try manyDead(500)
        try harness.turn { rows in
            _ = try harness.engine.act(JobAction(.delete), on: 2, rows)
            _ = try harness.engine.deleteQueue(harness.index("mail"), force: true, rows)
        }
        try harness.advance()
        #expect(try harness.rowCount(Tables.groups) == 0)
        #expect(harness.engine.recounts.isEmpty)
        harness.verifies = true
        try harness.verify()
    }
}
