import Foundation

/// A directory in memory where there is one, removed when the test lets go of it.
final class TestDirectory: Sendable {
    let path: String

    init() throws {
        let memory = "/dev/shm"
        let hasMemory = FileManager.default.fileExists(atPath: memory)
        let parent = hasMemory ? memory : NSTemporaryDirectory()
        path = "\(parent)/martlet-engine-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func copy(_ from: String, to path: String) throws {
        try FileManager.default.copyItem(atPath: from, toPath: path)
    }

    func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: path) }

    /// Flips a bit in the last byte of the one place in a file that holds `bytes`. Returns the number of such places.
    func damage(_ bytes: [UInt8], in file: String) throws -> Int {
        var data = try Data(contentsOf: URL(filePath: file))
        guard let place = data.range(of: Data(bytes)) else { return 0 }
        let others = data[place.upperBound...].range(of: Data(bytes)) == nil ? 0 : 1
        data[place.upperBound - 1] ^= 0x10
        try data.write(to: URL(filePath: file))
        return 1 + others
    }
}
