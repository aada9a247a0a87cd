import Bench
import Synchronization
import TestSupport
import Testing

/// Whole runs against a server that does as it should, or has one fault.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct BenchRunTests {
    private func options(_ server: FakeServer) -> BenchOptions {
        var options = BenchOptions(target: .server(host: "127.0.0.1", port: server.port))
        options.jobs = 2_000
        options.syncJobs = 50
        options.outstanding = 64
        options.credit = 100
        options.stallMilliseconds = 300
        return options
    }

    private func run(_ faults: FakeServer.Faults) async throws -> [WorkloadResult] {
        try await FakeServer.with(faults) { server in
            var options = options(server)
            options.workloads = [.sync]
            return try await BenchRun(options).run { _ in }
        }
    }

    @Test func `every workload delivers every job once`() async throws {
        let results = try await FakeServer.with { server in
            try await BenchRun(options(server)).run { _ in }
        }
        #expect(results.map(\.workload) == [.sync, .submit, .drain, .flow])
        #expect(results.map(\.jobs) == [50, 2_000, 2_000, 2_000])
        for result in results {
            #expect(result.isExact)
            #expect(result.seconds > 0)
            #expect(result.jobsPerSecond > 0)
            #expect(result.p50Microseconds > 0)
            #expect(result.p50Microseconds <= result.p99Microseconds)
            #expect(result.p999Microseconds <= result.maxMicroseconds)
        }
    }

    @Test func `only what was asked for is reported`() async throws {
        let seen = Mutex<[BenchEvent]>([])
        let results = try await FakeServer.with { server in
            var options = options(server)
            options.workloads = [.drain]
            return try await BenchRun(options).run { event in seen.withLock { $0.append(event) } }
        }
        #expect(results.map(\.workload) == [.drain])
        let events = seen.withLock { $0 }
        #expect(events.count == 3)
        guard case .ended(let verdict) = events.last else {
            Issue.record("the last event is the verdict")
            return
        }
        #expect(verdict.acknowledged == 2_000)
    }

    @Test func `a message in several frames is put together`() async throws {
        let results = try await FakeServer.with { server in
            var options = options(server)
            options.payloadBytes = 5_000
            options.jobs = 300
            options.workloads = [.flow]
            return try await BenchRun(options).run { _ in }
        }
        #expect(results.map(\.isExact) == [true])
    }

    @Test func `a lost job is counted`() async throws {
        let results = try await run(.losesOne)
        #expect(results.map(\.lost) == [1])
        #expect(results.map(\.duplicated) == [0])
    }

    @Test func `a job delivered twice is counted`() async throws {
        let results = try await run(.repeatsOne)
        #expect(results.map(\.lost) == [0])
        #expect(results.map(\.duplicated) == [1])
    }

    @Test(arguments: [FakeServer.Faults.damagesOne, .changesOne])
    func `a job whose bytes changed is counted`(fault: FakeServer.Faults) async throws {
        let results = try await run(fault)
        #expect(results.map(\.damaged) == [1])
        #expect(results.map(\.isExact) == [false])
    }

    @Test func `less durability than asked for ends the run`() async {
        await #expect {
            try await run(.cheats)
        } throws: {
            if case .misbehaved = $0 as? BenchError { true } else { false }
        }
    }

    @Test func `a refusal ends the run with the server's sentence`() async {
        await #expect {
            try await run(.isFull)
        } throws: {
            "\($0)".contains("the store is full")
        }
    }

    @Test func `a server that answers nothing ends the run`() async {
        await #expect {
            try await run(.isSilent)
        } throws: {
            if case .stalled = $0 as? BenchError { true } else { false }
        }
    }

    @Test func `one connection is enough, and two for flow`() async throws {
        let results = try await FakeServer.with { server in
            var options = options(server)
            options.connections = 1
            return try await BenchRun(options).run { _ in }
        }
        #expect(results.map(\.connections) == [1, 1, 1, 2])
        #expect(results.map(\.isExact) == [true, true, true, true])
    }

    @Test func `a server that is not there is named before anything is reported`() async throws {
        let port = try await FakeServer.with { $0.port }
        let options = BenchOptions(target: .server(host: "127.0.0.1", port: port))
        await #expect {
            try await BenchRun(options).run { Issue.record("reported \($0)") }
        } throws: {
            "\($0)".hasPrefix("cannot reach martlet://127.0.0.1:\(port): connection refused")
        }
    }

    @Test func `an option out of its range is refused before anything is sent`() async {
        var options = BenchOptions(target: .server(host: "127.0.0.1", port: 1))
        options.payloadBytes = 10
        await #expect {
            try await BenchRun(options).run { _ in }
        } throws: {
            "\($0)" == "payload size is 10, it may be 64 to 16,777,216"
        }
    }
}
