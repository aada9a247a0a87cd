import Store
import TestSupport
import Testing

@testable import Engine

/// Completing many jobs at once: the same as one by one, and as far as that goes.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct CompleteTests {
    private let brief = JobOptions(retainCompleted: 0)

    private func harness() throws -> EngineHarness {
        let harness = try EngineHarness()
        try harness.openSession(1)
        return harness
    }

    private func complete(
        _ harness: EngineHarness, _ ids: ClosedRange<UInt64>, _ token: UInt64,
        by session: UInt64 = 1
    ) throws -> DeliveryCredit? {
        let run = JobRun(first: ids.lowerBound, count: UInt32(ids.count))
        return try harness.turn { rows in
            try harness.engine.complete(run, token: token, session: session, rows)
        }
    }

    @Test func `jobs that leave nothing are completed at once, and nothing is left`() throws {
        let harness = try harness()
        try harness.turn { rows in
            for size in 1...70 {
                _ = try harness.submit("mail", payload: pattern(size), options: brief, rows)
            }
        }
        let delivery = try harness.deliver()
        #expect(delivery.jobs.map(\.payload) == (1...70).map { pattern($0) })
        let credit = try complete(harness, 1...70, delivery.token)
        #expect(credit?.jobs == 70)
        #expect(credit?.bytes == 71 * 35)
        #expect((credit?.session, credit?.subscription, credit?.token) == (1, 7, delivery.token))
        let queue = try harness.statistics()
        #expect((queue.running, queue.ready, queue.retained) == (0, 0, 0))
        #expect((queue.totals.completed, queue.lastMinute.completed) == (70, 70))
        for table in [Tables.jobs, Tables.leases, Tables.timers] {
            #expect(try harness.rowCount(table) == 0, "\(table.name)")
        }
    }

    @Test(arguments: [UInt64(0), 2_000])
    func `long payloads go with the jobs that are completed at once`(_ retention: UInt64) throws {
        let harness = try harness()
        let sizes = [20, 4_096, 5_000, 20, 4_096, 30, 5_877]
        try harness.turn { rows in
            for (index, size) in sizes.enumerated() {
                let options = JobOptions(retainCompleted: index < 6 ? retention : 0)
                _ = try harness.submit("mail", payload: pattern(size), options: options, rows)
            }
        }
        let delivery = try harness.deliver()
        #expect(delivery.jobs.map(\.payload) == sizes.map { pattern($0) })
        var credits: [DeliveryCredit] = []
        var next: UInt64 = 1
        while next <= 6, let credit = try complete(harness, next...6, delivery.token) {
            credits.append(credit)
            next += UInt64(credit.jobs)
        }
        #expect(next == 7)
        #expect(credits.reduce(0) { $0 + $1.bytes } == sizes[..<6].reduce(0, +))
        // Those of the last job, which runs.
        #expect(try harness.rowCount(Tables.pieces) == 2)
        try harness.settle(7, delivery.token)
        #expect(try harness.rowCount(Tables.pieces) == 0)
        #expect(try harness.statistics().totals.completed == 7)
    }

    @Test func `what is left of a delivery is completed later`() throws {
        let harness = try harness()
        try harness.submit(count: 9, options: brief)
        let delivery = try harness.deliver()
        #expect(try complete(harness, 3...5, delivery.token)?.jobs == 3)
        #expect(try complete(harness, 4...9, delivery.token) == nil)
        #expect(try complete(harness, 1...9, delivery.token)?.jobs == 2)
        #expect(try harness.statistics().running == 4)
        #expect(try complete(harness, 6...9, delivery.token)?.jobs == 4)
        #expect(try harness.rowCount(Tables.leases) == 0)
    }

    @Test func `a stale token, and that of another session, completes nothing`() throws {
        let harness = try harness()
        try harness.openSession(2)
        try harness.submit(count: 4, options: brief)
        let delivery = try harness.deliver()
        let before = try harness.dump()
        #expect(try complete(harness, 1...4, delivery.token + 1) == nil)
        #expect(try complete(harness, 1...4, delivery.token, by: 2) == nil)
        #expect(try harness.dump() == before)
    }

    /// What one of five jobs is, so that completing it takes more than removing its row.
    enum Exception: CaseIterable {
        case unique, expiring, watched, annotated
    }

    @Test(arguments: Exception.allCases)
    func `a run ends before a job that needs more`(_ exception: Exception) throws {
        let harness = try harness()
        var options = brief
        switch exception {
        case .expiring: options.timeToLive = 60_000
        case .watched: harness.engine.watched = [3]
        case .unique, .annotated: break
        }
        let payload = pattern(20)
        let unique = exception == .unique ? Unique() : nil
        try harness.submit(count: 2, options: brief)
        try harness.offer(payload: payload, unique: unique, options: options)
        try harness.submit(count: 2, options: brief)
        let delivery = try harness.deliver()
        #expect(delivery.ids == [1, 2, 3, 4, 5])
        if exception == .annotated { _ = try harness.progress(3, delivery.token) }
        #expect(try complete(harness, 1...5, delivery.token)?.jobs == 2)
        #expect(try complete(harness, 3...5, delivery.token) == nil)
        #expect(try harness.state(3) == .running)
        try harness.settle(3, delivery.token)
        #expect(try complete(harness, 4...5, delivery.token)?.jobs == 2)
    }

    @Test func `a job that ran before is left to be settled by itself`() throws {
        let harness = try harness()
        try harness.submit(count: 2, options: brief)
        try harness.settle(try harness.deliver(), .release)
        let again = try harness.deliver()
        #expect(try complete(harness, 1...2, again.token) == nil)
        try harness.settle(again)
        #expect(try harness.rowCount(Tables.jobs) == 0)
    }

    @Test func `jobs that are kept are completed at once, each with what is known of it`() throws {
        let harness = try harness()
        try harness.submit(count: 2, options: brief)
        try harness.turn { rows in
            for size in 3...8 {
                let options = JobOptions(retainCompleted: size < 7 ? 2_000 : 9_000)
                _ = try harness.submit("mail", payload: pattern(size), options: options, rows)
            }
        }
        let started = harness.now
        let delivery = try harness.deliver()
        harness.now += 100
        #expect(try complete(harness, 1...8, delivery.token)?.jobs == 6)
        #expect(try complete(harness, 7...8, delivery.token)?.bytes == 15)
        #expect(try harness.state(2) == nil)
        for id in 3...8 as ClosedRange<UInt64> {
            let job = try #require(try harness.inspect(id))
            #expect(job.state == .completed)
            #expect((job.startedAt, job.finishedAt) == (started, started + 100))
            #expect(job.payloadBytes == UInt32(id * 2))
            #expect(job.payload == nil)
        }
        let queue = try harness.statistics()
        #expect((queue.running, queue.retained, queue.totals.completed) == (0, 6, 8))
        #expect(try harness.rowCount(Tables.timers) == 2)
        try harness.advance(5_000)
        #expect(try harness.statistics().retained == 2)
        try harness.advance(5_000)
        #expect(try harness.rowCount(Tables.jobs) == 0)
    }

    @Test func `kept jobs before a damaged record are completed`() throws {
        let mark = Array("this one's bits will flip".utf8)
        let harness = try harness()
        try harness.turn { rows in
            for id in 1...4 {
                let payload = id == 3 ? mark : pattern(mark.count)
                _ = try harness.submit("mail", payload: payload, rows)
            }
        }
        let delivery = try harness.deliver()
        try harness.restart(damaging: [mark])
        #expect(try harness.resume(1))
        #expect(try complete(harness, 1...4, delivery.token)?.jobs == 2)
        #expect(try complete(harness, 3...4, delivery.token) == nil)
        #expect(try harness.statistics().retained == 2)
    }

    @Test func `a run ends before a damaged record`() throws {
        let mark = Array("this one's bits will flip".utf8)
        let harness = try harness()
        try harness.turn { rows in
            for id in 1...4 {
                let payload = id == 3 ? mark : pattern(mark.count)
                _ = try harness.submit("mail", payload: payload, options: brief, rows)
            }
        }
        let delivery = try harness.deliver()
        try harness.restart(damaging: [mark])
        #expect(try harness.resume(1))
        #expect(try complete(harness, 1...4, delivery.token)?.jobs == 2)
        #expect(try complete(harness, 3...4, delivery.token) == nil)
        #expect(try harness.settle(3, delivery.token) == nil)
        #expect(harness.damage.count == 1)
        #expect(try harness.settle(4, delivery.token)?.jobs == 1)
        #expect(try harness.statistics().running == 0)
    }

    @Test func `jobs that differ are counted apart`() throws {
        let harness = try harness()
        try harness.submit(count: 3, type: "letter", options: brief)
        harness.now += 100
        try harness.submit(count: 2, type: "letter", options: brief)
        try harness.submit(count: 4, type: "parcel", options: brief)
        harness.now += 100
        let delivery = try harness.deliver()
        harness.now += 1_000
        #expect(try complete(harness, 1...9, delivery.token)?.jobs == 9)
        let times = try harness.engine.times(of: harness.index("mail"))
        #expect(times.map(\.type) == ["letter", "parcel"])
        #expect(times.map(\.wait.sum) == [800, 400])
        #expect(times.map(\.run.sum) == [5_000, 4_000])
        #expect(times.map(\.total.sum) == [5_800, 4_400])
        #expect(times.map(\.total.count) == [5, 4])
    }

    @Test func `watchers are told of every job of a run`() throws {
        let harness = try harness()
        let start = try harness.turn { _ in harness.engine.watchEvents() }
        try harness.submit(count: 3, options: brief)
        let delivery = try harness.deliver()
        #expect(try complete(harness, 1...3, delivery.token)?.jobs == 3)
        var told: [EventKind: [UInt64]] = [:]
        _ = harness.engine.readEvents(after: start, EventFilter()) { event in
            told[event.kind, default: []].append(event.id)
            return .next
        }
        #expect(told == [.submitted: [1, 2, 3], .delivered: [1, 2, 3], .completed: [1, 2, 3]])
    }
}
