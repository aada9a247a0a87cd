import Foundation
import Store
import TestSupport

/// A directory of its own, removed when the test lets go of it.
final class TestDirectory: Sendable {
    let path: String

    init(under parent: String? = nil) throws {
        path = "\(parent ?? TestDisk.path)/martlet-store-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Where the store goes: a directory that is not there yet.
    var store: String { "\(path)/store" }

    func file(_ name: String) -> String { "\(store)/\(name)" }

    /// What a crash at this moment would leave, under another name. Returns its path.
    @discardableResult
    func copyStore(to name: String) throws -> String {
        try copy(store, to: "\(path)/\(name)")
        return "\(path)/\(name)"
    }

    func copy(_ from: String, to path: String) throws {
        try FileManager.default.copyItem(atPath: from, toPath: path)
    }

    func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: path) }

    /// Names in the log directory, sorted.
    func logNames() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: file("log")).sorted()
    }
}

extension [UInt8] {
    init(file path: String) throws { self = Array(try Data(contentsOf: URL(filePath: path))) }

    func write(to path: String) throws { try Data(self).write(to: URL(filePath: path)) }
}
