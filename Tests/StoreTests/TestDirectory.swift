import Foundation
import Store

/// A directory in memory where there is one, removed when the test lets go of it.
final class TestDirectory {
    let path: String

    init(under parent: String? = nil) throws {
        let memory = "/dev/shm"
        let parent =
            parent
            ?? (FileManager.default.fileExists(atPath: memory) ? memory : NSTemporaryDirectory())
        path = "\(parent)/martlet-store-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Where the store goes: a directory that is not there yet.
    var store: String { "\(path)/store" }

    func copyStore(to name: String) throws {
        try FileManager.default.copyItem(atPath: store, toPath: "\(path)/\(name)")
    }
}

extension Table {
    static let jobs = Table(id: 1, name: "jobs")
    static let ready = Table(id: 2, name: "ready")
    static let all: [Table] = [.jobs, .ready]
}

extension Store.Configuration {
    /// A small store for tests.
    static func small(_ directory: String, segmentBytes: Int = 64 << 10) -> Store.Configuration {
        var configuration = Store.Configuration(
            directory: directory, formatVersion: 1, tables: Table.all)
        configuration.mapBytes = 1 << 30
        configuration.segmentBytes = segmentBytes
        configuration.reserveBytes = 64 << 10
        return configuration
    }
}

extension Key {
    static func id(_ id: UInt64) -> Key { Key().adding(u64: id) }
}

extension Transaction {
    /// A row of any text under an id.
    borrowing func put(_ table: Table, _ id: UInt64, _ text: String, ascending: Bool = false) throws
    {
        try put(table, .id(id), ascending: ascending) { row in
            var text = text
            text.withUTF8 { row.bytes(UnsafeRawBufferPointer($0)) }
        }
    }
}

extension Rows where Self: ~Copyable {
    borrowing func text(_ table: Table, _ id: UInt64) throws -> String? {
        try get(table, .id(id)) { row in String(decoding: row.rest(), as: UTF8.self) }
    }

    /// Every row of a table, in order.
    borrowing func all(_ table: Table) throws -> [UInt64: String] {
        var rows: [UInt64: String] = [:]
        try scan(table, from: Key()) { key, row in
            rows[try key.u64()] = String(decoding: row.rest(), as: UTF8.self)
            return .next
        }
        return rows
    }
}

extension Store {
    /// A row as the writer sees it.
    func text(_ table: Table, _ id: UInt64) throws -> String? { try turn { try $0.text(table, id) } }

    /// A table as the writer sees it.
    func all(_ table: Table) throws -> [UInt64: String] { try turn { try $0.all(table) } }
}
