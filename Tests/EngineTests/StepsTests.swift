import TestSupport
import Testing

@testable import Engine

/// How much one turn changes, whatever happens to many jobs at once: counted in rows and bytes, since these are what
/// a turn's length comes from.
@Suite(.fewAtATime, .timeLimit(.minutes(2)))
struct StepsTests {
    private static let jobs = 12_000
    /// Beside jobs, a turn writes counters, its queue, and runs.
    private static let slack = 50
    /// One job may be in the way of a bound.
    private static let rowBytesMax = 8_192

    /// A queue with very many jobs, and no look at all of them after every turn.
    private func harness(
        _ jobs: Int = jobs, payload: [UInt8] = [1], options: JobOptions = JobOptions()
    ) throws -> EngineHarness {
        let harness = try EngineHarness()
        harness.verifies = false
        for start in stride(from: 0, to: jobs, by: 1_000) {
            try harness.submit(
                count: min(1_000, jobs - start), payload: payload, options: options)
        }
        harness.largestTurn = (0, 0)
        return harness
    }

    private func expectShortTurns(
        _ harness: EngineHarness, turns: Int, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        #expect(
            harness.largestTurn.rows <= EngineLimits.changedRowsPerTurn + StepsTests.slack,
            sourceLocation: sourceLocation)
        #expect(
            harness.largestTurn.bytes
                <= EngineLimits.changedBytesPerTurn + StepsTests.slack * StepsTests.rowBytesMax,
            sourceLocation: sourceLocation)
        #expect(
            turns > StepsTests.jobs / EngineLimits.stepsPerTurn - 1, sourceLocation: sourceLocation)
        try harness.verify()
    }

    @Test func `jobs that expire at once do so some in each turn`() throws {
        let harness = try harness(options: .with { $0.timeToLive = 1_000 })
        let turns = try harness.advance(1_000)
        #expect(try harness.statistics().expired == UInt64(StepsTests.jobs))
        try expectShortTurns(harness, turns: turns)
    }

    @Test func `an expiring job changes its own row and a run that it shares`() throws {
        let harness = try harness(1_000, options: .with { $0.timeToLive = 1_000 })
        try harness.advance(1_000)
        #expect(harness.largestTurn.rows < 1_000 + StepsTests.slack)
    }

    @Test func `finished jobs vanish some in each turn`() throws {
        let harness = try harness(
            options: .with {
                $0.timeToLive = 1_000
                $0.retainExpired = 5_000
            })
        try harness.advance(1_000)
        harness.largestTurn = (0, 0)
        let turns = try harness.advance(5_000)
        #expect(try harness.statistics().expired == 0)
        try expectShortTurns(harness, turns: turns)
    }

    @Test func `long rows make for fewer jobs in a turn`() throws {
        let harness = try harness(
            2_000, payload: pattern(1_700), options: .with { $0.timeToLive = 1_000 })
        let turns = try harness.advance(1_000)
        #expect(turns > 2)
        #expect(
            harness.largestTurn.bytes
                <= EngineLimits.changedBytesPerTurn + StepsTests.slack * StepsTests.rowBytesMax)
    }

    @Test func `jobs in pieces make for fewer jobs in a turn`() throws {
        let harness = try harness(100, payload: pattern(400_000))
        let pieces = Int(pieces(beside: 400_000))
        _ = try #require(
            try harness.begin(JobAction(.purge), on: JobFilter(queue: "mail")))
        try harness.advance()
        #expect(try harness.statistics().ready == 0)
        #expect(
            harness.largestTurn.rows <= EngineLimits.changedRowsPerTurn + pieces + StepsTests.slack)
    }

    @Test(arguments: [JobAction.Kind.cancel, .reprioritise, .purge])
    func `an action on all jobs changes some in each turn`(_ kind: JobAction.Kind) throws {
        let harness = try harness()
        _ = try #require(try harness.begin(JobAction(kind), on: JobFilter(queue: "mail")))
        let turns = try harness.advance()
        try expectShortTurns(harness, turns: turns)
    }

    @Test(arguments: [JobAction.Kind.retry, .delete])
    func `an action on finished jobs changes runs once, and not once for each job`(
        _ kind: JobAction.Kind
    ) throws {
        let harness = try harness(1_000)
        _ = try harness.begin(JobAction(.cancel), on: JobFilter(queue: "mail"))
        try harness.advance()
        harness.largestTurn = (0, 0)
        _ = try harness.begin(JobAction(kind), on: JobFilter(queue: "mail"))
        try harness.advance()
        #expect(harness.largestTurn.rows < 1_000 + StepsTests.slack)
        try harness.verify()
    }

    @Test func `a queue is deleted with its jobs some in each turn`() throws {
        let harness = try harness()
        try harness.turn { rows in
            let queue = try #require(harness.engine.knownQueue(named: "mail"))
            #expect(try harness.engine.deleteQueue(queue, force: true, rows) == 0)
        }
        let turns = try harness.advance()
        #expect(harness.engine.knownQueue(named: "mail") == nil)
        try expectShortTurns(harness, turns: turns)
    }

    @Test func `jobs that are due at once become ready whatever their priorities`() throws {
        let harness = try EngineHarness()
        harness.verifies = false
        for start in stride(from: 0, to: 6_000, by: 1_000) {
            try harness.turn { rows in
                for index in start..<start + 1_000 {
                    let options = JobOptions.with {
                        $0.priority = UInt8(index % 3)
                        $0.runAt = EngineHarness.beginning + 1_000
                    }
                    _ = try harness.submit("mail", options: options, rows)
                }
            }
        }
        harness.largestTurn = (0, 0)
        try harness.advance(1_000)
        #expect(try harness.statistics().ready == 6_000)
        #expect(harness.largestTurn.rows <= EngineLimits.changedRowsPerTurn + StepsTests.slack)
        try harness.verify()
    }
}

extension JobOptions {
    fileprivate static func with(_ say: (inout Fields) -> Void) -> JobOptions {
        var fields = Fields()
        say(&fields)
        return JobOptions(fields)
    }
}
