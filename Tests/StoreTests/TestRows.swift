import Foundation

@testable import Store

extension Table {
    static let jobs = Table(id: 1, name: "jobs", isLong: true)
    static let ready = Table(id: 2, name: "ready", isBrief: true)
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

    /// Every row of a table.
    borrowing func all(_ table: Table) throws -> [UInt64: String] {
        var rows: [UInt64: String] = [:]
        try scan(table, from: Key()) { key, row in
            rows[try key.u64()] = String(decoding: row.rest(), as: UTF8.self)
            return .next
        }
        return rows
    }

    /// The ids that a scan visits, in its order.
    borrowing func ids(
        _ table: Table, from start: Key, to end: Key? = nil, reverse: Bool = false
    ) throws -> [UInt64] {
        var ids: [UInt64] = []
        try scan(table, from: start, to: end, reverse: reverse) { key, _ in
            ids.append(try key.u64())
            return .next
        }
        return ids
    }
}

extension Rows where Self: ~Copyable {
    /// Blob files that rows of a table refer to.
    borrowing func blobFiles(_ table: Table) throws -> Set<UInt32> {
        var cursor = try RowCursor(view, table)
        var files: Set<UInt32> = []
        var found = try cursor.seek(Key(), .atOrAfter)
        while let entry = found {
            if let reference = BlobReference(entry.value, table: table, key: entry.key) {
                files.insert(reference.file)
            }
            found = try cursor.step(reverse: false)
        }
        return files
    }

    /// Whether a row is in a blob file.
    borrowing func isOut(_ table: Table, _ id: UInt64) throws -> Bool {
        try Key.id(id).withBytes { key in
            try view.find(table, key).flatMap { BlobReference($0, table: table, key: key) } != nil
        }
    }
}

/// The blob files of a store.
struct BlobFolder {
    let path: String

    init(_ store: String) { path = "\(store)/blobs" }

    var numbers: Set<UInt32> {
        get throws {
            let names = try FileManager.default.contentsOfDirectory(atPath: path)
            return Set(names.compactMap { BlobFile.number($0) })
        }
    }

    func file(_ number: UInt32) -> String { "\(path)/\(BlobFile.name(number))" }
}

extension Store {
    /// One step of writing rows anew, committed.
    func compact(bytesMax: Int) throws {
        try turn { try $0.compact(bytesMax: bytesMax, recordsMax: 1_000) }
        try commit(now: 0)
    }

    /// A row as the writer sees it.
    func text(_ table: Table, _ id: UInt64) throws -> String? {
        try turn { try $0.text(table, id) }
    }

    /// A table as the writer sees it.
    func all(_ table: Table) throws -> [UInt64: String] { try turn { try $0.all(table) } }

    /// A turn of one row, committed.
    func put(_ table: Table, _ id: UInt64, _ text: String) throws {
        try turn { try $0.put(table, id, text) }
        try commit(now: 0)
    }

    @discardableResult
    func delete(_ table: Table, _ id: UInt64) throws -> Bool {
        let found = try turn { try $0.delete(table, .id(id)) }
        try commit(now: 0)
        return found
    }
}

/// The code of the store error that the closure throws; nil when it throws none.
func storeError(_ body: () throws -> Void) throws -> StoreError.Code? {
    do {
        try body()
        return nil
    } catch let error as StoreError {
        return error.code
    }
}
