import Foundation
import Testing

extension IntegrationTests {
    /// The commands that show what the others can do.
    @Suite(.timeLimit(.minutes(2)))
    struct ShowcaseTests {
        @Test func `the demo loses nothing though a worker is killed`() async throws {
            try await withScratch { directory in
                let files = try makeFiles(150, in: directory)
                let outcome = try await Program.run(
                    "demo", "--directory", files, environment: ["TMPDIR": directory], patience: 90)
                #expect(outcome.status == 0, "\(outcome)")
                #expect(
                    outcome.text.contains("150 equal to a local sha256sum   lost 0"), "\(outcome)")
                #expect(outcome.text.contains("worker 2 killed at 75"), "\(outcome)")
                #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["files"])
            }
        }

        @Test func `an interrupted demo takes its processes and its data with it`() async throws {
            try await withScratch { directory in
                let files = try makeFiles(5000, in: directory)
                let demo = try ChildProcess(
                    ["demo", "--directory", files], environment: ["TMPDIR": directory])
                _ = try await blocking { try demo.output.line(containing: "Martlet demo") }
                demo.send(SIGINT)
                try await blocking { demo.waitUntilExit() }
                #expect(demo.status == 130)
                #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["files"])
                // Its streams have ended: no process that inherited them is left.
            }
        }

        @Test func `the bench prints one object a workload, and nothing is lost or duplicated`()
            async throws
        {
            try await withScratch { directory in
                let outcome = try await Program.run(
                    "bench", "--json", "--jobs", "2000", "--rate", "2000", "--directory",
                    directory,
                    patience: 90)
                #expect(outcome.status == 0, "\(outcome)")
                let results = try outcome.lines.map {
                    try JSONDecoder().decode(Workload.self, from: Data($0.utf8))
                }
                #expect(results.map(\.workload) == ["sync", "submit", "drain", "flow", "paced"])
                for result in results {
                    #expect(result.lost == 0)
                    #expect(result.duplicated == 0)
                    #expect(result.durability == "disk")
                    #expect(result.p50_us <= result.p999_us)
                }
                #expect(try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
            }
        }

        @Test func `the bench kills its broker, and no acknowledged job is lost`() async throws {
            try await withScratch { directory in
                let outcome = try await Program.run(
                    "bench", "--kill", "--json", "--workload", "submit", "--workload", "drain",
                    "--workload", "flow", "--jobs", "20000", "--compress", "dictionary",
                    "--directory", directory,
                    patience: 90)
                #expect(outcome.status == 0, "\(outcome)")
                let results = try outcome.lines.map {
                    try JSONDecoder().decode(Workload.self, from: Data($0.utf8))
                }
                #expect(results.map(\.workload) == ["submit", "drain", "flow"])
                #expect(results.allSatisfy { $0.lost == 0 && $0.jobs == 20_000 }, "\(outcome)")
                #expect(results.allSatisfy { $0.restart != nil }, "\(outcome)")
                #expect(try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
            }
        }

        @Test func `the bench compresses with a dictionary, also on a server that has one already`()
            async throws
        {
            try await withServe { server in
                for seed in ["1", "1", "2"] {
                    let outcome = try await Program.run(
                        "bench", "--json", "--workload", "flow", "--jobs", "2000", "--compress",
                        "dictionary", "--seed", seed, "--server", server.address, patience: 90)
                    #expect(outcome.status == 0, "\(outcome)")
                    let figures = try outcome.object()
                    #expect(figures["lost"] as? Int == 0 && figures["damaged"] as? Int == 0)
                    #expect((figures["dictionary_bytes"] as? Int ?? 0) > 1_000)
                    let carried = try #require(figures["carried_bytes"] as? Int)
                    #expect(2 * carried < 256, "\(outcome)")
                }
                let listed = try await server.done("dictionary", "list", "bench", "--json")
                let active = listed.lines.filter { $0.contains("active") }
                #expect(active.count == 1 && active[0].contains(#""version":2"#), "\(listed)")
            }
        }

        @Test func `the bench looks at a backlog after a kill, and at idle consumers`() async throws
        {
            try await withScratch { directory in
                let latencies = directory + "/all.hgrm"
                let outcome = try await Program.run(
                    "bench", "--json", "--workload", "backlog", "--workload", "idle", "--jobs",
                    "1000", "--connections", "50", "--hdr", latencies, "--directory", directory,
                    patience: 90)
                #expect(outcome.status == 0, "\(outcome)")
                let results = try outcome.lines.map {
                    try JSONDecoder().decode(Workload.self, from: Data($0.utf8))
                }
                #expect(results.map(\.workload) == ["idle", "backlog"])
                #expect(results.last?.restart?.first_job_seconds != nil)
                #expect(results.first?.idle != nil)
                #expect(results.allSatisfy { $0.lost == 0 && $0.duplicated == 0 })
                let files = try FileManager.default.contentsOfDirectory(atPath: directory)
                #expect(
                    files.sorted() == [
                        "all-backlog-done.hgrm", "all-idle-acknowledge.hgrm", "all-idle-done.hgrm",
                        "all-idle-start.hgrm",
                    ])
            }
        }

        @Test func `the bench lets everything happen to its jobs at once, and keeps some of them`()
            async throws
        {
            try await withScratch { directory in
                let outcome = try await Program.run(
                    "bench", "--json", "--workload", "mass", "--workload", "retention", "--jobs",
                    "3000", "--directory", directory,
                    patience: 90)
                #expect(outcome.status == 0, "\(outcome)")
                let results = try outcome.lines.map {
                    try JSONDecoder().decode(Workload.self, from: Data($0.utf8))
                }
                #expect(
                    results.map { $0.part ?? "" } == [
                        "none", "short", "long", "reprioritise", "cancel", "redrive", "delete",
                        "purge", "drop", "due", "expire", "vanish",
                    ])
                #expect(results.allSatisfy { $0.jobs == 3_000 && $0.p50_us <= $0.max_us })
            }
        }

        /// The names that programs rely on.
        private struct Workload: Decodable {
            let workload, durability: String
            let part: String?
            let jobs, payload_bytes, connections, outstanding, lost, duplicated: Int
            let seconds, jobs_per_second, p50_us, p99_us, p999_us, max_us: Double
            let restart: Restart?
            let idle: Idle?

            struct Restart: Decodable {
                let ready_seconds: Double
                let first_job_seconds: Double?
            }

            struct Idle: Decodable {
                let bytes_per_connection: Int
            }
        }

        private func makeFiles(_ count: Int, in directory: String) throws -> String {
            let files = directory + "/files"
            try FileManager.default.createDirectory(
                atPath: files, withIntermediateDirectories: true)
            for index in 0..<count {
                let text = String(repeating: "line \(index)\n", count: 1 + index % 50)
                try text.write(toFile: "\(files)/\(index)", atomically: false, encoding: .utf8)
            }
            return files
        }
    }
}
