import FoundationEssentials
import Glibc

/// What a broker occupies: its memory, and its files.
package struct BrokerFootprint: Codable, Equatable, Sendable {
    /// Memory that is the process's own (`RssAnon`): LMDB's mapped pages are the system's to take back.
    package var memoryBytes: Int
    /// Bytes allocated on disk for the store and for its log.
    package var storeBytes: Int
    package var logBytes: Int

    enum CodingKeys: String, CodingKey {
        case memoryBytes = "memory_bytes"
        case storeBytes = "store_bytes"
        case logBytes = "log_bytes"
    }

    /// - Throws: `BenchError.system` when there is no such process or directory.
    package static func measure(
        processIdentifier: Int32, dataDirectory: String
    ) throws -> BrokerFootprint {
        let log = try allocatedBytes(below: "\(dataDirectory)/log")
        return BrokerFootprint(
            memoryBytes: try anonymousBytes(of: processIdentifier),
            storeBytes: try allocatedBytes(below: dataDirectory) - log, logBytes: log)
    }

    private static func anonymousBytes(of process: Int32) throws -> Int {
        let path = "/proc/\(process)/status"
        let status = try String(contentsOfFile: path, encoding: .utf8)
        for line in status.split(separator: "\n") where line.hasPrefix("RssAnon:") {
            let fields = line.split { $0 == " " || $0 == "\t" }
            if fields.count > 1, let kilobytes = Int(fields[1]) { return kilobytes << 10 }
        }
        throw BenchError.system("\(path) has no RssAnon")
    }

    private static func allocatedBytes(below directory: String) throws -> Int {
        let names = try FileManager.default.subpathsOfDirectory(atPath: directory)
        return names.reduce(0) { $0 + allocatedBytes(of: "\(directory)/\($1)") }
    }

    /// 0 for a file that has just been removed: a log's segments come and go.
    private static func allocatedBytes(of path: String) -> Int {
        var status = stat()
        return lstat(path, &status) == 0 ? Int(status.st_blocks) * 512 : 0
    }
}
