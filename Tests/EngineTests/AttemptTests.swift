import Store
import TestSupport
import Testing

@testable import Engine

/// How often a job is tried, how long one attempt may take, and when the next comes.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct AttemptTests {
    private func options(_ change: (inout JobOptions) -> Void) -> JobOptions {
        var options = JobOptions(
            maxAttempts: 3, backoff: Backoff(kind: .none, base: 1, cap: 1))
        change(&options)
        return options
    }

    private func harness(_ change: (inout JobOptions) -> Void = { _ in }) throws -> EngineHarness {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(options: options(change))
        return harness
    }

    // MARK: Limits

    @Test func `without backoff a failed job is ready at once`() throws {
        let harness = try harness()
        for failures in 1...2 as ClosedRange<UInt16> {
            try harness.settle(try harness.deliver(), .fail())
            #expect(try harness.state(1) == .ready)
            #expect(try harness.inspect(1)?.failures == failures)
        }
        try harness.settle(try harness.deliver(), .fail())
        #expect(try harness.state(1) == .dead)
    }

    @Test func `crashes have a limit of their own`() throws {
        let harness = try harness { $0.maxCrashes = 1 }
        try harness.settle(try harness.deliver(), .fail())
        _ = try harness.deliver(lease: 1_000)
        try harness.advance(20_000)
        let job = try #require(try harness.inspect(1))
        #expect(job.state == .dead)
        #expect((job.failures, job.crashes) == (1, 1))
    }

    @Test func `interruptions are unlimited unless a limit is said`() throws {
        let patient = try harness()
        for _ in 0..<30 { try patient.settle(try patient.deliver(), .release) }
        #expect(try patient.state(1) == .ready)
        let strict = try harness { $0.maxInterruptions = 2 }
        try strict.settle(try strict.deliver(), .release)
        #expect(try strict.state(1) == .ready)
        try strict.settle(try strict.deliver(), .release)
        #expect(try strict.state(1) == .dead)
    }

    // MARK: The next attempt

    @Test func `a worker may say when to try again`() throws {
        let harness = try harness { $0.backoff = .standard }
        let delivery = try harness.deliver()
        try harness.turn { rows in
            var failure = Failure(message: harness.arena.copy("busy"))
            failure.retryAfter = 123_456
            _ = try harness.engine.settle(
                1, token: delivery.token, session: 1, .fail(failure), rows)
        }
        #expect(try harness.inspect(1)?.dueAt == harness.now + 123_456)
    }

    @Test func `a worker may say that there is no point in trying again`() throws {
        let harness = try harness()
        let delivery = try harness.deliver()
        try harness.turn { rows in
            var failure = Failure(message: harness.arena.copy("no such address"))
            failure.isDiscard = true
            _ = try harness.engine.settle(
                1, token: delivery.token, session: 1, .fail(failure), rows)
        }
        let job = try #require(try harness.inspect(1))
        #expect((job.state, job.failures, job.error) == (.dead, 1, "no such address"))
    }

    // MARK: Timeout

    @Test func `a job with a timeout is told so, and has a lease row of its own`() throws {
        let harness = try harness { $0.timeout = 60_000 }
        try harness.submit(count: 3)
        var timeouts: [UInt64] = []
        var token: UInt64 = 0
        try harness.turn { _ in
        } delivering: { rows in
            let request = DeliveryRequest(
                session: 1, subscription: 7, jobsMax: 10, bytesMax: .max, mayExceed: true,
                leaseMilliseconds: 30_000)
            token = try harness.engine.deliver(request, from: harness.index("mail"), rows) {
                timeouts.append($0.timeout)
            }.token
        }
        #expect(timeouts == [60_000, 0, 0, 0])
        #expect(try harness.rowCount(Tables.leases) == 2)
        for id in 1...4 as ClosedRange<UInt64> {
            #expect(try harness.settle(id, token) != nil)
        }
    }

    @Test func `no extension makes an attempt longer than its timeout, and then it has failed`()
        throws
    {
        let harness = try harness { $0.timeout = 60_000 }
        let delivery = try harness.deliver()
        try harness.settle(1, delivery.token, .extend(600_000))
        let end = harness.now + 60_000 + EngineLimits.timeoutGrace
        #expect(try harness.inspect(1)?.leaseEnds == end)
        try harness.advance(end - harness.now - 1)
        #expect(try harness.settle(1, delivery.token, .extend(600_000)) != nil)
        try harness.advance(1)
        let job = try #require(try harness.inspect(1))
        #expect((job.state, job.failures, job.crashes) == (.ready, 1, 0))
        #expect(job.error == "the attempt ran longer than its timeout")
        #expect(try harness.settle(1, delivery.token) == nil)
    }

    @Test func `a lease that ends before the timeout is a crash`() throws {
        let harness = try harness { $0.timeout = 60_000 }
        _ = try harness.deliver(lease: 20_000)
        try harness.advance(20_000)
        let job = try #require(try harness.inspect(1))
        #expect((job.state, job.failures, job.crashes) == (.ready, 0, 1))
    }
}
