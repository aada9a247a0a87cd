import Store
import TestSupport
import Testing

@testable import Engine

/// Which jobs a filter finds, in which order, and that every page agrees with a look at all jobs.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct SearchTests {
    /// Jobs of two queues, types, tags and priorities, in every state.
    private func mixedHarness() throws -> EngineHarness {
        let harness = try EngineHarness()
        harness.verifies = false
        try harness.openSession(1)
        try harness.openSession(2)
        for round in 0..<12 {
            for queue in ["a", "b"] {
                var options = JobOptions(maxAttempts: round.isMultiple(of: 3) ? 1 : 5)
                options.priority = UInt8(100 + round % 4)
                if round % 5 == 4 { options.delay = 1_000_000 }
                if round % 6 == 5 { options.timeToLive = 50 }
                let type = round.isMultiple(of: 2) ? "even" : "odd"
                try harness.submit(queue, count: 2, type: type, options: options)
            }
            harness.now += 1_000
        }
        try harness.advance()
        for (queue, session) in [("a", 1), ("b", 2)] as [(String, UInt64)] {
            let delivery = try harness.deliver(queue, to: session, max: 9)
            for (index, id) in delivery.ids.enumerated() {
                if index % 3 == 0 { try harness.settle(id, delivery.token, by: session) }
                if index % 3 == 1 { try harness.settle(id, delivery.token, by: session, .fail()) }
            }
        }
        for id in stride(from: 1, through: 40, by: 7) as StrideThrough<UInt64> {
            try harness.cancel(id)
        }
        harness.verifies = true
        try harness.tick()
        return harness
    }

    /// What a look at each job for itself says.
    private func expected(
        _ harness: EngineHarness, _ matches: (JobInspection) throws -> Bool
    ) throws -> [UInt64] {
        var ids: [UInt64] = []
        for id in 1..<harness.engine.nextJobID {
            if let job = try harness.inspect(id), try matches(job) { ids.append(id) }
        }
        return ids
    }

    @Test func `states and queues are found by walking the index, in either order`() throws {
        let harness = try mixedHarness()
        let names = try (1...2).map { try harness.engine.queueName($0) }
        for states in [
            [.ready], [.running], [.scheduled], [.completed], [.dead], [.cancelled], [.expired],
            [.ready, .running], [.dead, .completed, .cancelled, .expired], [],
        ] as [[JobState]] {
            for queue in [nil, "a", "b", "none"] as [String?] {
                let filter = JobFilter(queue: queue, states: JobFilter.states(states))
                let ids = try expected(harness) { job in
                    (queue.map { $0 == names[Int(job.queueID) - 1] } ?? true)
                        && (states.isEmpty || states.contains(job.state))
                }
                #expect(try harness.search(filter) == ids, "\(states) \(queue ?? "")")
                #expect(try harness.search(filter, oldestFirst: false) == ids.reversed())
                #expect(try harness.count(filter) == ids.count)
                var upTo = filter
                upTo.ids = 0...(ids.last ?? 0)
                #expect(try harness.count(upTo) == ids.count)
            }
        }
    }

    @Test func `filters on the jobs themselves narrow it down`() throws {
        let harness = try mixedHarness()
        var filter = JobFilter(queue: "a", states: JobFilter.states([.ready, .dead]))
        filter.type = "odd"
        let ids = try expected(harness) {
            $0.queueID == 1 && $0.type == "odd" && [.ready, .dead].contains($0.state)
        }
        #expect(!ids.isEmpty)
        #expect(try harness.search(filter) == ids)
        #expect(try harness.count(filter) == ids.count)
        filter = JobFilter()
        filter.type = "even"
        #expect(try harness.search(filter) == expected(harness) { $0.type == "even" })
        filter = JobFilter()
        filter.ids = 7...19
        #expect(try harness.search(filter) == Array(7...19))
        #expect(try harness.search(filter, oldestFirst: false) == (7...19).reversed())
    }

    @Test func `jobs at a worker are found by its leases`() throws {
        let harness = try mixedHarness()
        for session in [1, 2] as [UInt64] {
            var filter = JobFilter()
            filter.sessions = [session]
            let ids = try expected(harness) { $0.session == session }
            #expect(ids.count == 3)
            #expect(try harness.search(filter) == ids)
            filter.states = JobState.ready.bit
            #expect(try harness.search(filter) == [])
        }
        var filter = JobFilter()
        filter.sessions = [1, 2]
        let ids = try expected(harness) { $0.session == 1 || $0.session == 2 }
        #expect(try harness.search(filter) == ids)
        filter.sessions = []
        #expect(try harness.search(filter) == [])
    }

    @Test func `times of creation are found by bisection`() throws {
        let harness = try EngineHarness()
        let begun = harness.now
        for _ in 0..<50 {
            try harness.submit()
            harness.now += 60_000
        }
        var filter = JobFilter()
        filter.since = begun + 10 * 60_000
        filter.until = begun + 20 * 60_000
        #expect(try harness.search(filter) == Array(11...20))
        #expect(try harness.search(filter, oldestFirst: false) == (11...20).reversed())
        filter.since = begun + 100 * 60_000
        filter.until = nil
        #expect(try harness.search(filter) == [])
        filter.since = nil
        filter.until = begun
        #expect(try harness.search(filter) == [])
    }

    @Test func `tags, unique keys and errors are found`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 6, options: JobOptions(maxAttempts: 1))
        try harness.edit(2) { $0.tags = harness.tags("red", "blue") }
        try harness.edit(5) { $0.tags = harness.tags("blue") }
        let delivery = try harness.deliver(max: 3)
        try harness.settle(3, delivery.token, .failed("no paper", "Paper", 77))
        var filter = JobFilter()
        filter.tag = "blue"
        #expect(try harness.search(filter) == [2, 5])
        filter.tag = "blu"
        #expect(try harness.search(filter) == [])
        filter = JobFilter()
        filter.fingerprint = 77
        #expect(try harness.search(filter) == [3])
    }

    @Test func `leases that interleave come in order`() throws {
        let harness = try EngineHarness()
        harness.verifies = false
        for session in 1...3 as ClosedRange<UInt64> { try harness.openSession(session) }
        for _ in 0..<400 {
            try harness.submit("a")
            try harness.submit("b")
            try harness.submit("c")
        }
        for (session, queue) in [(1, "a"), (2, "b"), (3, "c")] as [(UInt64, String)] {
            for _ in 0..<40 { _ = try harness.deliver(queue, to: session, max: 7) }
        }
        let filter = JobFilter(states: JobState.running.bit)
        #expect(try harness.search(filter, limit: 100) == Array(1...840))
        #expect(try harness.search(filter, oldestFirst: false, limit: 7) == (1...840).reversed())
        var ofQueue = filter
        ofQueue.queue = "b"
        let own = (0..<280).map { UInt64($0 * 3 + 2) }
        #expect(try harness.search(ofQueue, limit: 9) == own)
    }

    @Test func `a page that reads enough rows ends, and the next goes on`() throws {
        let harness = try EngineHarness()
        harness.verifies = false
        try harness.submit(count: 15_000, type: "common")
        try harness.submit(type: "rare")
        try harness.checkpoint()
        var filter = JobFilter(queue: "mail")
        filter.type = "rare"
        let request = JobListRequest(filter, oldestFirst: true, limit: 5, after: nil)
        let page = try harness.store.snapshot { try JobInspector.list(request, $0) }
        #expect(page.ids == [])
        #expect((9_900...10_000).contains(page.next ?? 0))
        #expect(try harness.search(filter) == [15_001])
    }

    @Test func `jobs of a thousand queues are merged`() throws {
        let harness = try EngineHarness()
        harness.verifies = false
        try harness.turn { rows in
            for round in 0..<2_000 { _ = try harness.submit("q\(round % 1_500)", rows) }
        }
        let filter = JobFilter(states: JobState.ready.bit)
        #expect(try harness.search(filter, limit: 400) == Array(1...2_000))
        #expect(try harness.count(filter) == 2_000)
    }
}
