import Foundation
import TestSupport
import Testing

/// `make bench-check` on figures that are given, not counted.
@Suite(.enabled(if: BenchCheck.isPossible, "there is no python3"))
struct BenchCheckTests {
    private let thresholds = """
        # a comment
        broker submit      2000     0.50
        client settle     30000    10.00
        """

    @Test func `figures at their thresholds pass`() throws {
        let outcome = try BenchCheck.run(thresholds, against: thresholds)
        #expect(outcome.status == 0, "\(outcome.text)")
        #expect(outcome.text.contains("broker submit"))
    }

    @Test func `up to a tenth more passes`() throws {
        let outcome = try BenchCheck.run(
            """
            broker submit      2190     0.54
            client settle     32900    10.90
            """, against: thresholds)
        #expect(outcome.status == 0, "\(outcome.text)")
        #expect(outcome.text.contains(" 1.09 "))
    }

    @Test func `a tenth more instructions fails, and says which`() throws {
        let outcome = try BenchCheck.run(
            """
            broker submit      2210     0.50
            client settle     30000    10.00
            """, against: thresholds)
        #expect(outcome.status == 1)
        #expect(
            outcome.text.contains(
                "broker submit takes 2,210 instructions a job, its threshold is 2,000"))
        #expect(!outcome.text.contains("client settle takes"))
    }

    @Test func `a tenth more allocations fails, and says which`() throws {
        let outcome = try BenchCheck.run(
            """
            broker submit      2000     0.50
            client settle     30000    11.10
            """, against: thresholds)
        #expect(outcome.status == 1)
        #expect(
            outcome.text.contains(
                "client settle takes 11.10 allocations a job, its threshold is 10.00"))
    }

    @Test func `a phase that was not measured fails`() throws {
        let outcome = try BenchCheck.run("broker submit 2000 0.50", against: thresholds)
        #expect(outcome.status == 1)
        #expect(outcome.text.contains("client settle was not measured"))
    }
}

private enum BenchCheck {
    private static let python = "/usr/bin/python3"
    static let isPossible = FileManager.default.isExecutableFile(atPath: python)

    private static let script = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "JobCost/check").path

    /// Compares figures with thresholds; returns the script's exit status and what it said.
    static func run(
        _ figures: String, against thresholds: String
    ) throws -> (status: Int32, text: String) {
        let directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { remove(directory) }
        let (measured, limits) = (directory.appending(path: "a"), directory.appending(path: "b"))
        try Data(figures.utf8).write(to: measured)
        try Data(thresholds.utf8).write(to: limits)

        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: python)
        process.arguments = [
            script, "--figures", measured.path, "--thresholds", limits.path,
        ]
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: text, as: UTF8.self))
    }

    private static func remove(_ directory: URL) {
        do {
            try FileManager.default.removeItem(at: directory)
        } catch {
            Issue.record("\(directory.path) could not be removed: \(error)")
        }
    }
}
