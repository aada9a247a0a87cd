import TestSupport
import Testing

@testable import Engine

/// Why a job is where it is.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct ExplanationTests {
    @Test func `a ready job knows its place in line`() throws {
        let harness = try EngineHarness()
        var urgent = JobOptions()
        urgent.priority = 200
        var lazy = JobOptions()
        lazy.priority = 3
        try harness.submit(count: 10)
        try harness.submit(count: 4, options: urgent)
        try harness.submit(count: 4, options: lazy)
        #expect(try harness.explain(5)?.ahead == 8)
        #expect(try harness.explain(11)?.ahead == 0)
        #expect(try harness.explain(18)?.ahead == 17)
        #expect(try harness.explain(18)?.isAheadExact == true)
        #expect(try harness.explain(19) == nil)
    }

    @Test func `a scheduled job says when, and after which error`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        let backoff = Backoff(kind: .fixed, jitter: .none, base: 5_000, cap: 5_000)
        try harness.submit(options: JobOptions(backoff: backoff))
        try harness.run(1, .fail("no paper"))
        let explained = try #require(try harness.explain(1))
        #expect(explained.state == .scheduled)
        #expect((explained.dueAt, explained.failures) == (harness.now + 5_000, 1))
        #expect(explained.detail == "no paper")
    }

    @Test func `a running job says who has it, and whether that worker is away`() throws {
        let harness = try EngineHarness(grace: 15_000)
        try harness.openSession(1)
        try harness.submit()
        let began = harness.now
        _ = try harness.deliver(lease: 30_000)
        harness.now += 10
        var holder = try #require(try harness.explain(1)?.holder)
        #expect((holder.session, holder.startedAt) == (1, began))
        #expect((holder.leaseEnds, holder.graceEnds) == (began + 30_000, 0))
        try harness.disconnect(1)
        holder = try #require(try harness.explain(1)?.holder)
        #expect(holder.graceEnds == harness.now + 15_000)
    }

    @Test func `a cancel under way is told, and its reason when it is over`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit()
        _ = try harness.deliver()
        try harness.cancel(1, grace: 3_000, "obsolete")
        #expect(
            try harness.explain(1)?.cancelling
                == Explanation.Cancelling(
                    requestedAt: harness.now, graceEnds: harness.now + 3_000, reason: "obsolete"))
        try harness.advance(3_000)
        let over = try #require(try harness.explain(1))
        #expect(over.cancelling == nil)
        #expect((over.state, over.detail) == (.cancelled, "obsolete"))
        #expect(over.vanishesAt >= harness.now + JobOptions.defaultRetainCancelled)
    }
}
