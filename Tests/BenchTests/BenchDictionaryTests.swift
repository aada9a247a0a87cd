import Bench
import MartletWire
import NIOCore
import Synchronization
import TestSupport
import Testing

/// Runs whose payloads are compressed with a dictionary.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct BenchDictionaryTests {
    /// - Returns: the results, and what stood above them.
    private func run(
        _ server: FakeServer, _ change: (inout BenchOptions) -> Void = { _ in }
    ) async throws -> (results: [WorkloadResult], head: String) {
        var options = BenchOptions(target: .server(host: "127.0.0.1", port: server.port))
        options.workloads = [.submit, .drain, .flow]
        options.jobs = 1_000
        options.outstanding = 64
        options.compression = .dictionary
        change(&options)
        let head = Mutex("")
        let results = try await BenchRun(options).run { event in
            guard case .started = event else { return }
            head.withLock { $0 = ReportTable(version: "1").lines(for: event)[0] }
        }
        return (results, head.withLock { $0 })
    }

    @Test func `every payload names the dictionary that was registered before, and arrives whole`()
        async throws
    {
        try await FakeServer.with { server in
            let (results, head) = try await run(server)
            let dictionary = try #require(server.dictionaries.first)
            let id = try #require(dictionary.id)
            let byteCount = dictionary.bytes.readableBytes
            #expect(dictionary.type == "bench")
            #expect(dictionary.refusal == nil)
            #expect(server.dictionaries.count == 1)
            #expect(server.uses == [id: 2_000])
            #expect(results.allSatisfy { $0.isExact })
            #expect(results.map(\.dictionaryBytes) == [byteCount, byteCount, byteCount])
            #expect(head.contains("zstd with a dictionary of \(byteCount.grouped) bytes"))
        }
    }

    @Test func `with a dictionary small payloads travel as half of what zstd alone makes of them`()
        async throws
    {
        try await FakeServer.with { server in
            let packed = try await run(server).results[0]
            let alone = try await run(server) { $0.compression = .zstd }.results[0]
            let (smaller, larger) = (packed.carriedBytes ?? .max, alone.carriedBytes ?? 0)
            #expect(2 * smaller < larger, "\(smaller) and \(larger) bytes")
            #expect(alone.dictionaryBytes == nil)
        }
    }

    @Test
    func `a second run finds its dictionary there, and other payloads put theirs in its place`()
        async throws
    {
        try await FakeServer.with { server in
            _ = try await run(server)
            _ = try await run(server)
            #expect(server.dictionaries.count == 1)
            let other = try await run(server) { $0.seed = 2 }.results
            #expect(other.allSatisfy { $0.isExact })
            try #require(server.dictionaries.count == 2)
            #expect(server.dictionaries[1].replaces == server.dictionaries[0].id)
            let ids = server.dictionaries.compactMap(\.id)
            #expect(server.uses == [ids[0]: 4_000, ids[1]: 2_000])
        }
    }

    @Test func `where there is no room for another one the active one is used`() async throws {
        try await FakeServer.with(.hasOneDictionary) { server in
            _ = try await run(server)
            let other = try await run(server) { $0.seed = 2 }.results
            #expect(other.allSatisfy { $0.isExact })
            let id = try #require(server.dictionaries.first?.id)
            #expect(server.uses == [id: 4_000])
        }
    }

    @Test func `payloads for which none would pay travel without, and the head says so`()
        async throws
    {
        try await FakeServer.with { server in
            let (results, head) = try await run(server) {
                $0.payload = .generated(byteCount: 200_000)
                $0.jobs = 20
                ($0.outstanding, $0.batch) = (4, 1)
            }
            #expect(results.allSatisfy { $0.isExact && $0.dictionaryBytes == nil })
            #expect((results[0].carriedBytes ?? .max) < 200_000)
            #expect(server.dictionaries.isEmpty)
            #expect(head.contains("zstd alone: a dictionary would not pay for them"))
        }
    }

    @Test func `a job whose bytes changed is counted`() async throws {
        try await FakeServer.with(.changesOne) { server in
            let results = try await run(server) {
                $0.workloads = [.flow]
                $0.stallMilliseconds = 1_000
            }.results
            #expect(results.map(\.damaged) == [1])
        }
    }
}
