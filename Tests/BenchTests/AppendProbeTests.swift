import Foundation
import TestSupport
import Testing

@testable import Bench

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct AppendProbeTests {
    @Test func `appends take time and leave nothing behind`() throws {
        let directory = FileManager.default.temporaryDirectory.path + "/\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: false)
        let probe = try AppendProbe.measure(in: directory)
        #expect(probe.p50Microseconds > 0)
        #expect(probe.p99Microseconds >= probe.p50Microseconds)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == [])
        try FileManager.default.removeItem(atPath: directory)
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/shm")))
    func `a file system in memory is recognised`() throws {
        #expect(try AppendProbe.measure(in: "/dev/shm").isInMemory)
    }

    @Test func `a directory that is not there is named`() {
        #expect {
            try AppendProbe.measure(in: "/nowhere")
        } throws: {
            "\($0)" == "opening /nowhere/append-probe: No such file or directory"
        }
    }
}
