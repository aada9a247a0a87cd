import Broker
import Foundation

/// A broker's data directory that is in memory where there is such a place, and vanishes.
struct TestDirectory {
    private let url: URL

    private static let memory = URL(filePath: "/dev/shm")

    init() throws {
        let manager = FileManager.default
        let base =
            manager.isWritableFile(atPath: Self.memory.path)
            ? Self.memory : manager.temporaryDirectory
        url = base.appending(path: "martlet-test-\(UUID().uuidString)")
        try manager.createDirectory(at: url, withIntermediateDirectories: true)
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
