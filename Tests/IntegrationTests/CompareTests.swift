import Foundation
import Testing

extension IntegrationTests {
    /// `make compare`, at a fraction of its size: that it runs, not what it measures.
    @Suite(.timeLimit(.minutes(3)))
    struct CompareTests {
        private static let python = "/usr/bin/python3"
        private static let isPossible = FileManager.default.isExecutableFile(atPath: python)
        private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "clients/compare").path
        private static let compare = folder + "/compare"

        @Test(.enabled(if: isPossible, "there is no python3"))
        func `the comparison checks every job and prints rates, latencies and bounds`()
            async throws
        {
            try await withScratch { directory in
                let file = "\(directory)/results.json"
                let outcome = try await Tool.run(
                    Self.python,
                    [
                        Self.compare, "--program", Program.path, "--peers", "martlet", "--quick",
                        "--quiet", "0", "--workloads", "W1,W3,W4,W5,bounds", "--json", file,
                    ])
                #expect(outcome.status == 0, "\(outcome.text)")
                #expect(outcome.text.contains("| martlet | fsync before ack |"))
                #expect(outcome.text.contains("a bare loop over log and LMDB, 256 jobs a turn"))
                #expect(outcome.text.contains("an event loop that only echoes"))
                let lines = try String(contentsOfFile: file, encoding: .utf8)
                for workload in ["W1/256", "W2/256", "W1/4096", "W3", "W3p", "W1s", "W4", "W5"] {
                    #expect(lines.contains("\"workload\": \"\(workload)\""))
                }
                let again = try await Tool.run(Self.python, [Self.compare, "--table", file])
                #expect(again.status == 0)
                #expect(again.text.contains("| martlet | fsync before ack |"))
                let picture = try await Tool.run(Self.python, [Self.folder + "/picture", file])
                #expect(picture.status == 0)
                #expect(picture.text.hasPrefix("<svg") && picture.text.hasSuffix("</svg>\n"))
                try await checkTable(file, in: directory)
            }
        }

        /// The table of a page is made anew, and the rest of the page stays.
        private func checkTable(_ results: String, in directory: String) async throws {
            let page = directory + "/page.md"
            let (begin, end) = (
                "<!-- compared: made by `make picture` -->", "<!-- end of compared -->"
            )
            try "before\n\(begin)\nold\n\(end)\nafter\n".write(
                toFile: page, atomically: true, encoding: .utf8)
            let outcome = try await Tool.run(
                Self.python, [Self.folder + "/picture", "--readme", page, results])
            #expect(outcome.status == 0, "\(outcome)")
            let text = try String(contentsOfFile: page, encoding: .utf8)
            #expect(text.hasPrefix("before\n\(begin)\n| queue |"))
            #expect(text.hasSuffix("\(end)\nafter\n"))
            #expect(text.contains("| martlet | yes |"))
            #expect(!text.contains("old"))
        }
    }
}
