import Store
import TestSupport
import Testing

@testable import Engine

extension EngineHarness {
    /// Sets a queue's settings in a turn of its own.
    func set(_ settings: QueueSettings, of queue: String = "mail") throws {
        try turn { rows in try engine.set(settings, of: index(queue), rows) }
    }

    @discardableResult
    func deleteQueue(_ queue: String = "mail", force: Bool = false) throws -> UInt64 {
        try turn { rows in try engine.deleteQueue(index(queue), force: force, rows) }
    }
}

/// What is said of a queue as a whole.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct QueueSettingsTests {
    private func harness(_ change: (inout QueueSettings) -> Void = { _ in }) throws
        -> EngineHarness
    {
        let harness = try EngineHarness()
        try harness.openSession(1)
        var settings = QueueSettings()
        change(&settings)
        try harness.set(settings)
        return harness
    }

    @Test func `settings outlive a crash, and are gone from the row when none is left`() throws {
        let harness = try harness { settings in
            settings.depthMax = 10
            settings.bytesMax = 1 << 40
            settings.order = .lifo
            settings.defaults = JobOptions(maxAttempts: 7, backoff: .standard, retainDead: 0)
            settings.defaults.priority = 3
            settings.defaults.timeToLive = 5_000
            settings.defaults.timeout = 9
            settings.defaults.maxCrashes = 4
        }
        try harness.turn { rows in
            let mail = try harness.index("mail")
            try harness.engine.pause(mail, by: "anna", reason: "upgrade", rows)
            try harness.engine.setDraining(mail, true, rows)
        }
        let before = try harness.statistics().settings
        #expect(before.pause?.by == "anna" && before.drainingSince == harness.now)
        try harness.crash()
        #expect(try harness.statistics().settings == before)
        #expect(try harness.engine.isPaused(harness.index("mail")))
        try harness.set(QueueSettings())
        #expect(try harness.verify().queues[1]?.settings == nil)
    }

    @Test func `nothing of a paused queue is offered, everything else goes on`() throws {
        let harness = try harness()
        try harness.submit(count: 3)
        let delivery = try harness.deliver(max: 1)
        let mail = try harness.index("mail")
        try harness.turn { rows in
            try harness.engine.pause(mail, by: "anna", reason: "", rows)
            try harness.engine.pause(mail, by: "bert", reason: "later", rows)
        }
        #expect(harness.engine.settings(of: mail).pause?.by == "anna")
        #expect(!harness.engine.hasReady(mail))
        try harness.submit()
        try harness.settle(delivery)
        #expect(try harness.statistics().ready == 3)
        try harness.turn { rows in try harness.engine.resume(mail, rows) }
        #expect(harness.engine.hasReady(mail))
    }

    @Test func `a draining queue says so`() throws {
        let harness = try harness()
        let mail = try harness.index("mail")
        #expect(!harness.engine.isDraining(mail))
        try harness.turn { rows in try harness.engine.setDraining(mail, true, rows) }
        #expect(harness.engine.isDraining(mail))
        try harness.turn { rows in try harness.engine.setDraining(mail, false, rows) }
        #expect(!harness.engine.isDraining(mail))
    }

    // MARK: Limits

    @Test func `a queue takes as many jobs as may wait`() throws {
        let harness = try harness { $0.depthMax = 2 }
        try harness.offer()
        var delayed = JobOptions()
        delayed.delay = 1_000
        try harness.offer(options: delayed)
        #expect(try harness.offer() == .full(limit: 2, actual: 3, ofBytes: false))
        _ = try harness.deliver()
        #expect(try harness.offer() == .accepted(3))
    }

    @Test func `a queue takes as many payload bytes as may wait`() throws {
        let harness = try harness { $0.bytesMax = 5_000 }
        try harness.offer(payload: pattern(3_000))
        #expect(
            try harness.offer(payload: pattern(2_001))
                == .full(limit: 5_000, actual: 5_001, ofBytes: true))
        #expect(try harness.offer(payload: pattern(2_000)) == .accepted(2))
        #expect(try harness.statistics().waitingBytes == 5_000)
        try harness.settle(try harness.deliver(max: 1), .release)
        #expect(try harness.statistics().waitingBytes == 5_000)
        _ = try harness.deliver(max: 1)
        #expect(try harness.statistics().waitingBytes == 2_000)
    }

    @Test func `a staged job that is refused leaves no piece`() throws {
        let harness = try harness { $0.depthMax = 1 }
        try harness.submit()
        try harness.turn { rows in
            let id = try harness.engine.beginStaging(1, rows)
            let payload = pattern(9_000)
            try harness.engine.stage(harness.arena.copy(payload), at: 0, of: id, .payload, rows)
            let outcome = try harness.engine.submit(
                staged: id, harness.submission(payload: payload), to: harness.index("mail"), rows)
            #expect(outcome == .full(limit: 1, actual: 2, ofBytes: false))
            try harness.engine.endStaging(id, rows)
        }
        #expect(try harness.rowCount(Tables.pieces) == 0)
    }

    // MARK: Defaults and order

    @Test func `a submission's own options count before those of its queue`() throws {
        let harness = try harness { settings in
            settings.defaults = JobOptions(maxAttempts: 1, retainCompleted: 0)
            settings.defaults.priority = 200
        }
        try harness.submit("other")
        try harness.submit()
        try harness.submit(options: JobOptions(maxAttempts: 5))
        #expect(try harness.inspect(2)?.maxAttempts == 1)
        #expect(try harness.inspect(3)?.maxAttempts == 5)
        try harness.settle(try harness.deliver())
        #expect(try harness.inspect(2) == nil)
        #expect(try harness.inspect(3) == nil)
    }

    @Test func `the newest goes first where the queue says so, within a priority`() throws {
        let harness = try harness { $0.order = .lifo }
        try harness.submit(count: 6)
        var urgent = JobOptions()
        urgent.priority = 255
        try harness.submit(count: 2, options: urgent)
        #expect(try harness.deliver(max: 4).ids == [8, 7, 6, 5])
        try harness.submit(count: 2)
        let next = try harness.deliver(max: 3)
        #expect(next.ids == [10, 9, 4])
        try harness.settle(next, .release)
        #expect(try harness.deliver(max: 2).ids == [10, 9])
        try harness.crash()
        #expect(try harness.resume(1))
        try harness.set(QueueSettings())
        #expect(try harness.deliver().ids == [1, 2, 3, 4])
    }

    // MARK: Deleting

    @Test func `an empty queue is deleted, and comes back when named`() throws {
        let harness = try harness { $0.depthMax = 5 }
        try harness.submit("other")
        #expect(try harness.deleteQueue("other") == 1)
        #expect(try harness.deleteQueue() == 0)
        #expect(harness.engine.knownQueue(named: "mail") == nil)
        #expect(harness.engine.queueCount == 1)
        try harness.restart()
        #expect(harness.engine.queueCount == 1)
        try harness.submit()
        #expect(try harness.statistics().settings == QueueSettings())
        #expect(try harness.statistics().totals.submitted == 1)
        #expect(try harness.statistics("other").ready == 1)
    }

    @Test func `a queue is deleted in the turn in which its last job goes`() throws {
        let harness = try harness()
        let ids = try harness.submit(count: 3)
        try harness.turn { rows in
            for id in ids { _ = try harness.engine.act(JobAction(.purge), on: id, rows) }
            #expect(try harness.engine.deleteQueue(harness.index("mail"), force: false, rows) == 0)
        }
        #expect(try harness.rowCount(Tables.index) == 0)
        try harness.verify()
    }

    @Test func `a queue is deleted with jobs in every state`() throws {
        let harness = try harness()
        var delayed = JobOptions()
        delayed.delay = 60_000
        delayed.timeToLive = 90_000
        try harness.submit(count: 3, options: delayed)
        try harness.submit(count: 8, payload: pattern(5_000))
        try harness.offer(unique: Unique(scope: .period, period: 100_000))
        try harness.submit("other")
        let delivery = try harness.deliver(max: 5)
        try harness.settle(4, delivery.token)
        try harness.settle(5, delivery.token, .fail())
        #expect(try harness.deleteQueue(force: true) == 0)
        #expect(harness.engine.knownQueue(named: "mail") == nil)
        #expect(try harness.settle(6, delivery.token) == nil)
        #expect(try harness.rowCount(Tables.jobs) == 1)
        #expect(try harness.rowCount(Tables.pieces) == 0)
        #expect(try harness.rowCount(Tables.unique) == 0)
        #expect(try harness.rowCount(Tables.index) == 1)
        #expect(try harness.rowCount(Tables.leases) == 0)
        #expect(try harness.rowCount(Tables.timers) == 0)
        #expect(try harness.rowCount(Tables.times) == 0)
    }

    @Test func `a long queue is deleted in bounded turns, a crash in between or not`() throws {
        let harness = try harness()
        harness.verifies = false
        for _ in 0..<3 { try harness.submit(count: 2_000) }
        try harness.deleteQueue(force: true)
        #expect(harness.nextTurnAt == harness.now)
        let mail = try harness.index("mail")
        #expect(!harness.engine.hasReady(mail) && harness.engine.isDraining(mail))
        try harness.crash()
        try harness.verify()
        try harness.advance()
        #expect(harness.engine.queueCount == 0)
        #expect(try harness.rowCount(Tables.jobs) == 0)
    }
}
