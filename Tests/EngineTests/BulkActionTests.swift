import TestSupport
import Testing

@testable import Engine

/// Actions on all jobs that match a filter, a few at a time.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct BulkActionTests {
    @Test func `every job that matches is acted upon, and no other`() throws {
        let harness = try EngineHarness()
        try harness.submit("a", count: 5, type: "x")
        try harness.submit("a", count: 5, type: "y")
        try harness.submit("b", count: 5, type: "x")
        var filter = JobFilter(queue: "a")
        filter.type = "x"
        let begun = try #require(try harness.begin(JobAction(.cancel), on: filter))
        try harness.advance()
        let action = try #require(try harness.bulkAction(begun.id))
        #expect((action.progress, action.changed, action.refused) == (.done, 5, 0))
        #expect(action.looked >= 5)
        #expect(try harness.search(JobFilter(states: JobState.cancelled.bit)) == [1, 2, 3, 4, 5])
        #expect(try harness.statistics("a").cancelled == 5)
    }

    @Test func `an action goes on turn by turn until it is through`() throws {
        let harness = try EngineHarness()
        harness.verifies = false
        try harness.submit(count: 5_000)
        let begun = try #require(try harness.begin(JobAction(.purge), on: JobFilter(queue: "mail")))
        #expect(try harness.bulkAction(begun.id)?.progress == .goingOn)
        #expect(try harness.statistics().ready > 2_000)
        #expect(harness.nextTurnAt == harness.now)
        try harness.advance()
        #expect(try harness.bulkAction(begun.id)?.changed == 5_000)
        try harness.verify()
        #expect(try harness.rowCount(Tables.jobs) == 0)
    }

    @Test func `a rate is kept`() throws {
        let harness = try EngineHarness()
        harness.verifies = false
        try harness.submit(count: 1_000)
        let begun = try #require(
            try harness.begin(JobAction(.purge), on: JobFilter(queue: "mail"), rate: 100))
        for _ in 0..<100 {
            try harness.advance(20)
        }
        let changed = try #require(try harness.bulkAction(begun.id)?.changed)
        #expect((195...205).contains(changed))
        try harness.verify()
    }

    @Test func `jobs submitted after it began are left alone`() throws {
        let harness = try EngineHarness()
        try harness.submit(count: 20)
        let begun = try #require(
            try harness.begin(JobAction(.cancel), on: JobFilter(queue: "mail"), rate: 10))
        try harness.submit(count: 20)
        for _ in 0..<100 { try harness.advance(100) }
        #expect(try harness.bulkAction(begun.id)?.changed == 20)
        #expect(try harness.statistics().ready == 20)
    }

    @Test func `an action goes on after a restart`() throws {
        let harness = try EngineHarness()
        try harness.submit(count: 50)
        let begun = try #require(
            try harness.begin(JobAction(.cancel), on: JobFilter(queue: "mail"), rate: 10))
        try harness.advance(1_000)
        try harness.crash(after: 500)
        for _ in 0..<100 { try harness.advance(100) }
        let action = try #require(try harness.bulkAction(begun.id))
        #expect((action.progress, action.changed) == (.done, 50))
        #expect(try harness.statistics().cancelled == 50)
    }

    @Test func `an action is stopped, and says how far it got`() throws {
        let harness = try EngineHarness()
        try harness.submit(count: 50)
        let begun = try #require(
            try harness.begin(JobAction(.cancel), on: JobFilter(queue: "mail"), rate: 10))
        try harness.advance(500)
        let stopped = try #require(
            try harness.turn { rows in try harness.engine.stopBulkAction(begun.id, rows) })
        #expect(stopped.progress == .stopped)
        try harness.advance(10_000)
        #expect(try harness.statistics().cancelled == stopped.changed)
        #expect(stopped.finishedAt > 0)
    }

    @Test func `an action is remembered for an hour after its end`() throws {
        let harness = try EngineHarness()
        let begun = try #require(try harness.begin(JobAction(.purge), on: JobFilter()))
        try harness.advance()
        try harness.advance(3_599_999)
        #expect(try harness.bulkAction(begun.id)?.progress == .done)
        try harness.advance(1)
        #expect(try harness.bulkAction(begun.id) == nil)
        #expect(try harness.rowCount(Tables.timers) == 0)
    }

    @Test func `states that the action cannot change are left out`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        _ = try harness.submitOneOfEach()
        let filter = JobFilter(states: JobFilter.states([.completed, .running]))
        let begun = try #require(try harness.begin(JobAction(.delete), on: filter))
        try harness.advance()
        #expect(try harness.bulkAction(begun.id)?.changed == 1)
        let nothing = JobFilter(states: JobFilter.states([.running]))
        #expect(try harness.begin(JobAction(.delete), on: nothing)?.progress == .done)
    }

    @Test func `running jobs are cancelled with their grace`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 3)
        _ = try harness.deliver()
        try #require(try harness.begin(JobAction(.cancel), on: JobFilter(queue: "mail")) != nil)
        #expect(harness.cancels.map(\.id) == [1, 2, 3])
        try harness.advance(10_000)
        #expect(try harness.statistics().cancelled == 3)
    }

    @Test func `leases in great number do not keep an action from getting further`() throws {
        let harness = try EngineHarness()
        harness.verifies = false
        try harness.openSession(1)
        try harness.submit(count: 3_000)
        for _ in 0..<2_500 { _ = try harness.deliver(max: 1) }
        let begun = try #require(
            try harness.begin(JobAction(.reprioritise), on: JobFilter(queue: "mail")))
        var cancel = JobAction(.cancel)
        cancel.grace = 0
        let second = try #require(try harness.begin(cancel, on: JobFilter(queue: "mail")))
        try harness.advance()
        #expect(try harness.bulkAction(begun.id)?.changed == 500)
        #expect(try harness.bulkAction(second.id)?.changed == 3_000)
        try harness.verify()
    }

    @Test func `only so many go on at a time`() throws {
        let harness = try EngineHarness()
        try harness.submit(count: 100)
        let filter = JobFilter(queue: "mail")
        for _ in 0..<EngineLimits.actionsMax {
            try #require(try harness.begin(JobAction(.purge), on: filter, rate: 1) != nil)
        }
        #expect(try harness.begin(JobAction(.purge), on: filter, rate: 1) == nil)
    }

    @Test func `who waits for an action hears of its end once`() throws {
        let harness = try EngineHarness()
        try harness.submit(count: 3)
        let begun = try #require(
            try harness.begin(JobAction(.purge), on: JobFilter(queue: "mail"), rate: 10))
        var ends: [UInt64] = []
        for _ in 0..<20 {
            try harness.advance(100)
            ends += harness.engine.endedActions
        }
        #expect(ends == [begun.id])
    }
}
