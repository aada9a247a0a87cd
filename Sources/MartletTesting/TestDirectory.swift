import Broker
import Foundation

/// A broker's data directory that is in memory where there is room for it, and vanishes.
struct TestDirectory {
    private let url: URL

    /// What containers get of memory is often 64 MiB: too little for the tests that run at a time.
    private static let base: URL = {
        let memory = "/dev/shm"
        var status = statvfs()
        let isRoomy =
            statvfs(memory, &status) == 0
            && UInt64(status.f_bavail) * UInt64(status.f_frsize) >= 1 << 30
        return isRoomy && access(memory, W_OK) == 0
            ? URL(filePath: memory) : FileManager.default.temporaryDirectory
    }()

    init() throws {
        url = Self.base.appending(path: "martlet-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    /// Small, since every test makes one anew.
    var configuration: BrokerConfiguration {
        var configuration = BrokerConfiguration(directory: url.path, port: 0)
        configuration.segmentBytes = 1 << 20
        configuration.reserveBytes = 1 << 20
        configuration.drainMilliseconds = 1
        return configuration
    }

    func remove() {
        do {
            try FileManager.default.removeItem(at: url)
        } catch {
            // A small directory is left behind; the test's outcome does not depend on it.
        }
    }
}
