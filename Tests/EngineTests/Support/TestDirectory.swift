import Foundation
import TestSupport
import Testing

/// A directory of its own, removed when the test lets go of it.
final class TestDirectory: Sendable {
    let path: String

    init() throws {
        path = "\(TestDisk.path)/martlet-engine-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func copy(_ from: String, to path: String) throws {
        try FileManager.default.copyItem(atPath: from, toPath: path)
    }

    func names(in path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path)
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

    /// Flips a bit of the byte at `index` in every place of a file that holds `bytes`: in the row, and in
    /// what pages no longer used still have of it.
    func damageEverywhere(_ bytes: [UInt8], at index: Int, in file: String) throws {
        var data = try Data(contentsOf: URL(filePath: file))
        var start = data.startIndex
        while let place = data.range(of: Data(bytes), in: start..<data.endIndex) {
            data[place.lowerBound + index] ^= 0x10
            start = place.upperBound
        }
        try #require(start > data.startIndex, "the row is not in the file")
        try data.write(to: URL(filePath: file))
    }
}
