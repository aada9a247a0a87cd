import TestSupport
import Testing

@testable import Engine

/// Dead jobs counted by the error that they died of.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct DeadGroupTests {
    /// Submits a job that dies of an error.
    @discardableResult
    private func kill(
        _ harness: EngineHarness, queue: String = "mail", fingerprint: UInt64,
        _ message: String = "no paper", retain: UInt64? = nil
    ) throws -> UInt64 {
        let options = JobOptions(maxAttempts: 1, retainDead: retain)
        let id = try harness.submit(queue, options: options)[0]
        let delivery = try harness.deliver(queue)
        try harness.settle(id, delivery.token, .failed(message, "Paper", fingerprint))
        return id
    }

    @Test func `jobs that died of the same error are one group`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        let began = harness.now
        try kill(harness, fingerprint: 7, "no paper in tray 1")
        harness.now += 500
        try kill(harness, fingerprint: 7, "no paper in tray 2")
        try kill(harness, fingerprint: 9, "no ink")
        let groups = try harness.deadGroups().groups
        #expect(
            groups == [
                DeadGroup(
                    queue: "mail", fingerprint: 7, jobs: 2, firstSeen: began,
                    lastSeen: began + 500, example: 2, errorClass: "Paper",
                    message: "no paper in tray 1"),
                DeadGroup(
                    queue: "mail", fingerprint: 9, jobs: 1, firstSeen: began + 500,
                    lastSeen: began + 500, example: 3, errorClass: "Paper", message: "no ink"),
            ])
    }

    @Test func `a group counts down as its jobs leave, and is gone with the last`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        for _ in 0..<4 { try kill(harness, fingerprint: 7) }
        try harness.act(.retry, on: 4)
        #expect(try harness.deadGroups().groups.map(\.jobs) == [3])
        try harness.act(.delete, on: 1)
        try harness.act(.purge, on: 2)
        #expect(try harness.deadGroups().groups.map(\.jobs) == [1])
        try harness.advance(JobOptions.defaultRetainDead + 1_000)
        #expect(try harness.rowCount(Tables.groups) == 0)
    }

    @Test func `the example is a dead job of the group, also when the last one has left`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        for _ in 0..<3 { try kill(harness, fingerprint: 7) }
        try kill(harness, fingerprint: 8)
        try harness.act(.retry, on: 3)
        #expect(try harness.deadGroups().groups.first?.example == 2)
    }

    @Test func `a job that leaves no row when dead joins no group`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try kill(harness, fingerprint: 7, retain: 0)
        #expect(try harness.rowCount(Tables.groups) == 0)
    }

    @Test func `crashes of the same kind are one group`() throws {
        let harness = try EngineHarness(grace: 100)
        try harness.openSession(1)
        try harness.submit(count: 2, options: JobOptions(maxAttempts: 1))
        _ = try harness.deliver(lease: 1_000)
        try harness.advance(1_000)
        let groups = try harness.deadGroups().groups
        #expect(groups.map(\.jobs) == [2])
        #expect(groups.first?.fingerprint != 0)
        #expect(groups.first?.message == "the lease ended before the job was settled")
    }

    @Test func `groups come page by page, of one queue or of all`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        for fingerprint in 1...5 as ClosedRange<UInt64> {
            try kill(harness, queue: "a", fingerprint: fingerprint)
            try kill(harness, queue: "b", fingerprint: fingerprint)
        }
        var seen: [String] = []
        var page = try harness.deadGroups(limit: 4)
        seen += page.groups.map { "\($0.queue)\($0.fingerprint)" }
        while let next = page.next {
            page = try harness.deadGroups(limit: 4, after: next)
            seen += page.groups.map { "\($0.queue)\($0.fingerprint)" }
        }
        #expect(seen == ["a1", "a2", "a3", "a4", "a5", "b1", "b2", "b3", "b4", "b5"])
        #expect(
            try harness.deadGroups(queue: "b").groups.map(\.queue) == ["b", "b", "b", "b", "b"])
        #expect(try harness.deadGroups(queue: "c").groups.isEmpty)
    }
}
