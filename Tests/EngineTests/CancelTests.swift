import TestSupport
import Testing

@testable import Engine

/// Cancelling: at once while a job waits, with a grace while it runs.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct CancelTests {
    private func runningJob(grace: UInt64 = 15_000) throws -> (EngineHarness, UInt64) {
        let harness = try EngineHarness(grace: grace)
        try harness.openSession(1)
        try harness.submit()
        return (harness, try harness.deliver().token)
    }

    @Test func `a waiting job is cancelled at once and says why`() throws {
        let harness = try EngineHarness()
        var later = JobOptions()
        later.delay = 5_000
        try harness.submit()
        try harness.submit(options: later)
        for id in [1, 2] as [UInt64] {
            #expect(try harness.cancel(id, "obsolete") == .done(.cancelled))
            let job = try #require(try harness.inspect(id))
            #expect(job.state == .cancelled)
            #expect(job.cancel?.reason == "obsolete")
            #expect(job.cancel?.requestedAt == harness.now)
            #expect(job.finishedAt == harness.now)
            #expect(job.payload != nil)
        }
        try harness.advance(5_000)
        #expect(try harness.deliver().ids == [])
        let queue = try harness.statistics()
        #expect((queue.ready, queue.scheduled, queue.cancelled) == (0, 0, 2))
    }

    @Test func `a running job's worker is told, and what it settles counts`() throws {
        let (harness, token) = try runningJob()
        #expect(try harness.cancel(1, grace: 3_000) == .done(.running))
        #expect(
            harness.cancels == [
                CancelNotice(session: 1, id: 1, token: token, grace: 3_000, reason: "not needed")
            ])
        #expect(try harness.inspect(1)?.cancel?.graceEnds == harness.now + 3_000)
        #expect(try harness.settle(1, token) != nil)
        let job = try #require(try harness.inspect(1))
        #expect(job.state == .completed)
        #expect(job.cancel?.graceEnds == 0)
        try harness.advance(3_000)
        #expect(try harness.state(1) == .completed)
        #expect(try harness.rowCount(Tables.notes) == 0)
    }

    @Test(arguments: [Outcome.fail(), .release])
    func `an attempt that ends unfinished within the grace is cancelled`(_ outcome: Outcome) throws
    {
        let (harness, token) = try runningJob()
        try harness.cancel(1, "enough")
        try harness.settle(1, token, outcome)
        let job = try #require(try harness.inspect(1))
        #expect(job.state == .cancelled)
        #expect(job.cancel?.reason == "enough")
        #expect(try harness.rowCount(Tables.notes) == 0)
        try harness.advance(60_000)
        #expect(try harness.state(1) == .cancelled)
    }

    @Test func `when the grace is over the lease is lost and the job cancelled`() throws {
        let (harness, token) = try runningJob()
        try harness.cancel(1, grace: 2_000)
        try harness.advance(1_999)
        #expect(try harness.state(1) == .running)
        try harness.advance(1)
        #expect(try harness.state(1) == .cancelled)
        #expect(try harness.settle(1, token) == nil)
        #expect(try harness.statistics().running == 0)
        #expect(try harness.rowCount(Tables.notes) == 0)
    }

    @Test func `the worker gets the credit of a job that is taken away`() throws {
        let (harness, token) = try runningJob()
        try harness.cancel(1, grace: 2_000)
        harness.now += 2_000
        try harness.tick()
        #expect(harness.engine.lapsed.map(\.token) == [token])
        #expect(harness.engine.lapsed.map(\.jobs) == [1])
    }

    @Test func `no grace is no waiting`() throws {
        let (harness, token) = try runningJob()
        #expect(try harness.cancel(1, grace: 0) == .done(.cancelled))
        #expect(try harness.settle(1, token) == nil)
        #expect(harness.cancels == [])
    }

    @Test func `a second cancel only shortens the grace`() throws {
        let (harness, _) = try runningJob()
        try harness.cancel(1, grace: 5_000, "first")
        #expect(try harness.cancel(1, grace: 9_000, "second") == .done(.running))
        #expect(harness.cancels == [])
        #expect(try harness.inspect(1)?.cancel?.reason == "first")
        try harness.cancel(1, grace: 1_000, "third")
        #expect(harness.cancels.map(\.grace) == [1_000])
        try harness.advance(1_000)
        #expect(try harness.inspect(1)?.cancel?.reason == "third")
        #expect(try harness.state(1) == .cancelled)
        #expect(try harness.rowCount(Tables.timers) == 1)
    }

    @Test func `a lease end and a lost worker end a cancel too`() throws {
        let harness = try EngineHarness(grace: 100)
        try harness.openSession(1)
        try harness.openSession(2)
        try harness.submit(count: 2)
        _ = try harness.deliver(to: 1, max: 1, lease: 1_000)
        _ = try harness.deliver(to: 2, max: 1, lease: 60_000)
        try harness.cancel(1, grace: 50_000)
        try harness.cancel(2, grace: 50_000)
        try harness.disconnect(2)
        try harness.advance(1_000)
        #expect(try harness.state(1) == .cancelled)
        #expect(try harness.state(2) == .cancelled)
        #expect(try harness.rowCount(Tables.notes) == 0)
    }

    @Test func `a session that resumes is told again, also after a restart`() throws {
        let (harness, token) = try runningJob()
        try harness.cancel(1, grace: 10_000)
        try harness.disconnect(1)
        harness.now += 1_000
        #expect(try harness.resume(1))
        #expect(harness.cancels.map(\.grace) == [9_000])
        try harness.restart(after: 1_000)
        #expect(try harness.resume(1))
        #expect(harness.cancels.map(\.token) == [token])
        #expect(harness.cancels.map(\.grace) == [8_000])
        try harness.advance(8_000)
        #expect(try harness.state(1) == .cancelled)
    }

    @Test func `a finished job is not cancelled`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 2, options: JobOptions(maxAttempts: 1))
        let delivery = try harness.deliver()
        try harness.settle(1, delivery.token)
        try harness.settle(2, delivery.token, .fail())
        #expect(try harness.cancel(1) == .isFinished(.completed))
        #expect(try harness.cancel(2) == .isFinished(.dead))
        #expect(try harness.cancel(9) == .notFound)
    }

    @Test func `a cancelled job stays cancelled`() throws {
        let harness = try EngineHarness()
        try harness.submit()
        try harness.cancel(1, "first")
        #expect(try harness.cancel(1, "second") == .done(.cancelled))
        #expect(try harness.inspect(1)?.cancel?.reason == "first")
    }

    @Test func `a cancelled job that is not to be kept is gone`() throws {
        let harness = try EngineHarness()
        var options = JobOptions()
        options.retainCancelled = 0
        try harness.submit(options: options)
        #expect(try harness.cancel(1) == .done(nil))
        #expect(try harness.rowCount(Tables.jobs) == 0)
    }
}
