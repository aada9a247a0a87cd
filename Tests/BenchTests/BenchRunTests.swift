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
        options.outstanding = 64
        options.batch = 16
        options.rate = 100_000
        options.credit = 100
        return options
    }

    private func run(_ faults: FakeServer.Faults) async throws -> [WorkloadResult] {
        try await FakeServer.with(faults) { server in
            var options = options(server)
            options.workloads = [.sync]
            options.stallMilliseconds = 1_000
            return try await BenchRun(options).run { _ in }
        }
    }

    @Test func `every workload delivers every job once`() async throws {
        let results = try await FakeServer.with { server in
            try await BenchRun(options(server)).run { _ in }
        }
        #expect(results.map(\.workload) == Workload.usual)
        #expect(results.map(\.jobs) == [2_000, 2_000, 2_000, 2_000, 2_000])
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
        let measured = events.filter { if case .measured = $0 { true } else { false } }
        #expect(measured.count == 1)
        guard case .ended(let verdict, let distributions) = events.last else {
            Issue.record("the last event is the verdict")
            return
        }
        #expect(verdict.acknowledged == 2_000)
        #expect(distributions.map(\.name) == ["drain-done"])
        #expect(distributions.allSatisfy { $0.percentileTable.contains("= ") })
    }

    @Test func `a message in several frames is put together`() async throws {
        let results = try await FakeServer.with { server in
            var options = options(server)
            options.payload = .generated(byteCount: 5_000)
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
        #expect(results.map(\.connections) == [1, 1, 1, 2, 2])
        #expect(results.allSatisfy { $0.isExact })
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
        options.payload = .generated(byteCount: 10)
        await #expect {
            try await BenchRun(options).run { _ in }
        } throws: {
            "\($0)" == "--payload-size is 10, it may be 64 to 16,777,216"
        }
    }

    @Test func `every phase of a job's life is timed`() async throws {
        let results = try await FakeServer.with { server in
            var options = options(server)
            options.workloads = [.flow, .paced]
            return try await BenchRun(options).run { _ in }
        }
        #expect(
            results.map { $0.phases?.keys.sorted() } == [
                ["acknowledge", "done", "start"], ["acknowledge", "done", "late", "start"],
            ])
        #expect(results.map(\.rate) == [nil, 100_000])
    }

    @Test func `an open loop sends at its instants though nobody answers`() async throws {
        try await FakeServer.with(.isSilent) { server in
            var options = options(server)
            options.workloads = [.paced]
            options.jobs = 500
            options.stallMilliseconds = 1_000
            await #expect {
                try await BenchRun(options).run { _ in }
            } throws: {
                if case .stalled = $0 as? BenchError { true } else { false }
            }
            #expect(server.submissions == 500, "a closed loop waits after 128")
        }
    }

    @Test func `jobs of the warm-up are delivered and not measured`() async throws {
        let results = try await FakeServer.with { server in
            var options = options(server)
            options.workloads = [.submit]
            options.jobs = 100
            options.warmupMilliseconds = 20
            return try await BenchRun(options).run { _ in }
        }
        let result = try #require(results.first)
        #expect(result.isExact)
        #expect(result.jobs > 100)
        // Beside those that were under way when the warm-up ended, of four connections.
        let measured = (result.jobsPerSecond * result.seconds).rounded()
        #expect((100...100 + 4 * 64).contains(measured))
    }

    @Test func `a duration ends the submissions`() async throws {
        let results = try await FakeServer.with { server in
            var options = options(server)
            options.workloads = [.submit, .drain]
            options.jobs = nil
            options.milliseconds = 50
            return try await BenchRun(options).run { _ in }
        }
        #expect(results.allSatisfy { $0.isExact && $0.jobs > 0 })
        #expect((results.first?.seconds ?? 0) >= 0.04)
    }

    @Test func `compressed payloads are found out and inflated`() async throws {
        let results = try await FakeServer.with { server in
            var options = options(server)
            options.workloads = [.flow]
            options.payload = .generated(byteCount: 2_000)
            options.compression = .zstd
            return try await BenchRun(options).run { _ in }
        }
        let result = try #require(results.first)
        #expect(result.isExact)
        #expect(result.payloadBytes == 2_000)
        #expect((1..<1_500).contains(result.carriedBytes ?? 0))
    }

    @Test func `lines of a file are payloads`() async throws {
        let lines = Array("{\"a\":1}\n\n{\"b\":[1,2,3]}\n".utf8)
        let results = try await FakeServer.with { server in
            var options = options(server)
            options.workloads = [.flow]
            options.payload = try .lines(of: lines, named: "jobs.ndjson")
            return try await BenchRun(options).run { _ in }
        }
        #expect(results.map(\.isExact) == [true])
        #expect(results.map(\.payloadBytes) == [48 + 9 + 1 + (7 + 13) / 2])
    }

    @Test func `idle consumers share what comes`() async throws {
        let results = try await FakeServer.with { server in
            var options = options(server)
            options.workloads = [.idle]
            options.connections = 20
            options.jobs = 100
            return try await BenchRun(options).run { _ in }
        }
        #expect(results.map(\.connections) == [20])
        #expect(results.map(\.isExact) == [true])
        #expect(results.map(\.idle) == [nil], "somebody else's broker can't be looked at")
    }

    @Test(arguments: [
        Refusal("--jobs is 0, it may be 1 to 1,000,000,000") { $0.jobs = 0 },
        Refusal("--batch is 1,025, it may be 1 to 1,024") { $0.batch = 1_025 },
        Refusal("--outstanding is 5,000, it may be 1 to 4,096 (requests_in_flight_max)") {
            ($0.outstanding, $0.batch) = (5_000, 1)
        },
        Refusal("--kill kills the bench's own broker: leave out --server") { $0.kills = true },
        Refusal("--connections is 0, it may be 1 to 20,000") { $0.connections = 0 },
    ])
    func `a flag out of its range is named with its value and the limit`(refusal: Refusal) {
        var options = BenchOptions(target: .server(host: "127.0.0.1", port: 1))
        refusal.change(&options)
        #expect {
            try options.check()
        } throws: {
            "\($0)" == refusal.sentence && ($0 as? BenchError)?.isUsage == true
        }
    }

    struct Refusal: Sendable {
        let sentence: String
        let change: @Sendable (inout BenchOptions) -> Void

        init(_ sentence: String, _ change: @escaping @Sendable (inout BenchOptions) -> Void) {
            self.sentence = sentence
            self.change = change
        }
    }
}
