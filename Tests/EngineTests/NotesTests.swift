import TestSupport
import Testing

@testable import Engine

/// Progress, log lines and checkpoints: what handlers say of running jobs, and how long it stays.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct NotesTests {
    private func runningJob(_ options: JobOptions = JobOptions()) throws -> (EngineHarness, UInt64)
    {
        let harness = try EngineHarness(grace: 100)
        try harness.openSession(1)
        try harness.submit(options: options)
        return (harness, try harness.deliver(lease: 5_000).token)
    }

    @Test func `log lines are kept with their offset, time and attempt`() throws {
        let (harness, token) = try runningJob()
        #expect(try harness.log(1, token, "one", "two"))
        try harness.settle(1, token, .release)
        harness.now += 5
        let again = try harness.deliver().token
        #expect(try harness.log(1, again, "three"))
        let page = try #require(try harness.logPage(1))
        #expect((page.first, page.next) == (0, 3))
        #expect(page.lines.map(\.text) == ["one", "two", "three"])
        #expect(page.lines.map(\.offset) == [0, 1, 2])
        #expect(page.lines.map(\.attempt) == [1, 1, 2])
        #expect(page.lines[2].at == page.lines[0].at + 5)
    }

    @Test func `a log is read from an offset on`() throws {
        let (harness, token) = try runningJob()
        #expect(try harness.log(1, token, (0..<10).map { "line \($0)" }))
        let page = try #require(try harness.logPage(1, from: 4, limit: 3))
        #expect(page.lines.map(\.text) == ["line 4", "line 5", "line 6"])
        #expect(page.next == 7)
        let end = try #require(try harness.logPage(1, from: 50))
        #expect(end.lines.isEmpty && end.next == 10)
        #expect(try harness.logPage(2) == nil)
    }

    @Test func `of too many lines the oldest are dropped, and offsets go on`() throws {
        let (harness, token) = try runningJob()
        for start in stride(from: 0, to: 1_100, by: 256) {
            let lines = (start..<min(start + 256, 1_100)).map { "line \($0)" }
            #expect(try harness.log(1, token, lines))
        }
        let page = try #require(try harness.logPage(1))
        #expect((page.first, page.next) == (100, 1_100))
        #expect(page.lines.first?.text == "line 100")
        #expect(try harness.rowCount(Tables.notes) == 1_001)
    }

    @Test func `of too many bytes the oldest lines are dropped`() throws {
        let (harness, token) = try runningJob()
        let line = String(repeating: "x", count: 4_096)
        for _ in 0..<20 { #expect(try harness.log(1, token, line)) }
        let page = try #require(try harness.logPage(1))
        #expect((page.first, page.next) == (4, 20))
    }

    @Test func `notes under a stale token or of another session change nothing`() throws {
        let (harness, token) = try runningJob()
        try harness.openSession(2)
        #expect(try harness.log(1, token + 1, "no") == false)
        #expect(try harness.log(1, token, by: 2, "no") == false)
        #expect(try harness.checkpoint(1, token + 1, [1]) == false)
        #expect(try harness.progress(1, token + 1) == false)
        #expect(try harness.rowCount(Tables.notes) == 0)
    }

    @Test(arguments: [1, 4_076, 4_077, 65_536])
    func `a checkpoint is handed to the next attempt`(_ bytes: Int) throws {
        let (harness, token) = try runningJob()
        #expect(try harness.checkpoint(1, token, pattern(65_536, seed: 7)))
        #expect(try harness.checkpoint(1, token, pattern(bytes)))
        #expect(try harness.inspect(1)?.checkpointBytes == UInt32(bytes))
        try harness.settle(1, token, .release)
        let job = try #require(try harness.deliver().jobs.first)
        #expect(job.checkpoint == pattern(bytes))
    }

    @Test func `an empty checkpoint forgets the one before`() throws {
        let (harness, token) = try runningJob()
        #expect(try harness.checkpoint(1, token, pattern(5_000)))
        #expect(try harness.checkpoint(1, token, []))
        #expect(try harness.rowCount(Tables.notes) == 0)
        try harness.settle(1, token, .release)
        #expect(try harness.deliver().jobs.first?.checkpoint == [])
    }

    @Test func `a checkpoint outlives crashes and restarts`() throws {
        let (harness, token) = try runningJob()
        #expect(try harness.checkpoint(1, token, [4, 5, 6]))
        try harness.crash()
        try harness.advance(5_000)
        try harness.openSession(1)
        #expect(try harness.deliver().jobs.first?.checkpoint == [4, 5, 6])
    }

    @Test func `the log stays with the finished job; progress and checkpoint do not`() throws {
        let (harness, token) = try runningJob()
        #expect(try harness.progress(1, token))
        #expect(try harness.checkpoint(1, token, pattern(3_000)))
        #expect(try harness.log(1, token, "done"))
        try harness.settle(1, token)
        #expect(try harness.rowCount(Tables.notes) == 2)
        #expect(try harness.logPage(1)?.lines.map(\.text) == ["done"])
        #expect(try harness.inspect(1)?.logLines == 0..<1)
    }

    @Test func `no note outlives its job`() throws {
        var options = JobOptions(maxAttempts: 1, retainCompleted: 0, retainDead: 1_000)
        options.maxCrashes = 1
        let harness = try EngineHarness(grace: 100)
        try harness.openSession(1)
        try harness.submit(count: 3, options: options)
        let delivery = try harness.deliver(lease: 5_000)
        for id in delivery.ids {
            #expect(try harness.progress(id, delivery.token))
            #expect(try harness.log(id, delivery.token, "a", "b"))
            #expect(try harness.checkpoint(id, delivery.token, pattern(4_000)))
        }
        try harness.settle(1, delivery.token)
        try harness.settle(2, delivery.token, .fail())
        try harness.advance(20_000)
        try harness.advance(2_000)
        #expect(try harness.rowCount(Tables.notes) == 0)
        #expect(try harness.rowCount(Tables.jobs) == 0)
    }
}
