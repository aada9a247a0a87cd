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
                    "bench", "--json", "--jobs", "4000", "--sync-jobs", "50", "--directory",
                    directory,
                    patience: 90)
                #expect(outcome.status == 0, "\(outcome)")
                let results = try outcome.lines.map {
                    try JSONDecoder().decode(Workload.self, from: Data($0.utf8))
                }
                #expect(results.map(\.workload) == ["sync", "submit", "drain", "flow"])
                for result in results {
                    #expect(result.lost == 0)
                    #expect(result.duplicated == 0)
                    #expect(result.durability == "disk")
                    #expect(result.p50_us <= result.p999_us)
                }
                #expect(try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
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
