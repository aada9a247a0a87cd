import Foundation
import Glibc
import TestSupport
import Testing

@testable import Store

/// Long rows that are kept beside LMDB.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct BlobTests {
    private let directory: TestDirectory
    private let blobs: BlobFolder
    private static let fileBytes = 64 << 10

    init() throws {
        directory = try TestDirectory()
        blobs = BlobFolder(directory.store)
    }

    /// - Parameter commitBytesMin: bytes of long rows that stay in the table.
    private func open(
        _ path: String? = nil, commitBytesMin: Int = 0, garbageMin: Int = 1 << 30
    ) throws -> Store {
        var configuration = Store.Configuration.small(
            path ?? directory.store, segmentBytes: 1 << 20)
        configuration.blobs = Store.Blobs(
            fileBytes: BlobTests.fileBytes, commitBytesMin: commitBytesMin, garbageMin: garbageMin)
        return try Store.open(configuration)
    }

    private static func text(_ id: UInt64) -> String { String(repeating: "\(id),", count: 1_500) }

    /// Commits that many long rows, a few at a time.
    private func put(_ ids: Range<UInt64>, _ store: Store) throws {
        for first in stride(from: ids.lowerBound, to: ids.upperBound, by: 4) {
            try store.turn { rows in
                for id in first..<min(first + 4, ids.upperBound) {
                    try rows.put(.jobs, id, BlobTests.text(id), ascending: true)
                }
            }
            try store.commit(now: 0)
        }
    }

    private func expect(_ ids: some Sequence<UInt64>, _ store: Store) throws {
        let expected = Dictionary(uniqueKeysWithValues: ids.map { ($0, BlobTests.text($0)) })
        #expect(try store.all(.jobs) == expected)
    }

    @Test func `long rows of a large commit are read wherever they are`() throws {
        var store = try open()
        try store.turn { rows in
            try rows.put(.jobs, 1, BlobTests.text(1))
            #expect(try rows.text(.jobs, 1) == BlobTests.text(1), "not yet written")
        }
        let append = try #require(try store.beginCommit(now: 0))
        #expect(try store.text(.jobs, 1) == BlobTests.text(1), "on its way")
        try store.turn { try $0.put(.jobs, 2, BlobTests.text(2)) }
        try store.endCommit(append.write())
        try store.commit(now: 0)
        try expect(1...2, store)
        #expect(try store.turn { try $0.blobFiles(.jobs) } == [1])
        try store.checkpoint(now: 0)
        #expect(try store.snapshot { try $0.text(.jobs, 2) } == BlobTests.text(2))
        let crashed = try directory.copyStore(to: "crashed")
        try store.close(now: 0)
        store = try open()
        try expect(1...2, store)
        try expect(1...2, try open(crashed))
    }

    @Test func `a small commit, and the first of a large one, stay in the table`() throws {
        let store = try open(commitBytesMin: 10_000)
        for id: UInt64 in 0..<10 { try store.put(.jobs, id, BlobTests.text(id)) }
        try store.turn { rows in
            for id: UInt64 in 0..<10 { try rows.put(.ready, id, BlobTests.text(id)) }
        }
        try store.commit(now: 0)
        #expect(try blobs.numbers == [], "only some tables have long rows")
        try put(10..<12, store)
        #expect(try blobs.numbers == [])
        try store.turn { rows in
            for id: UInt64 in 20..<30 { try rows.put(.jobs, id, BlobTests.text(id)) }
        }
        try store.commit(now: 0)
        let places = try store.turn { rows in
            var places: [Bool] = []
            for id: UInt64 in 20..<30 { places.append(try rows.isOut(.jobs, id)) }
            return places
        }
        #expect(places == [false, false] + Array(repeating: true, count: 8))
        try expect(Array(0..<12) + Array(20..<30), store)
    }

    @Test func `a file goes with the checkpoint in which nothing refers to it`() throws {
        var store = try open()
        try put(0..<60, store)
        let files = try blobs.numbers
        #expect(files.count >= 3)
        try store.turn { try $0.clear(.jobs, from: .id(0), to: .id(30)) }
        for id: UInt64 in 30..<59 { try store.delete(.jobs, id) }
        try store.put(.jobs, 59, "short, in place of a long one")
        #expect(try blobs.numbers == files, "a crash would bring the rows back")
        try store.checkpoint(now: 0)
        #expect(try blobs.numbers.count <= 1)
        try store.close(now: 0)
        store = try open()
        #expect(try blobs.numbers == [])
        try put(60..<64, store)
        #expect(try blobs.numbers.allSatisfy { !files.contains($0) }, "numbers are not used again")
    }

    @Test func `a snapshot reads files that were removed meanwhile`() throws {
        let store = try open()
        try put(0..<40, store)
        try store.checkpoint(now: 0)
        try store.snapshot { snapshot in
            try store.turn { try $0.clear(.jobs, from: .id(0), to: .id(40)) }
            try put(40..<60, store)
            try store.checkpoint(now: 1)
            #expect(try !blobs.numbers.contains(1))
            let all = try snapshot.all(.jobs)
            #expect(all.count == 40)
            #expect(all.allSatisfy { $0.value == BlobTests.text($0.key) })
        }
    }

    @Test func `what a crash left of a batch is no row, and not written again`() throws {
        let store = try open()
        try put(0..<4, store)
        try store.turn { try $0.put(.jobs, 9, BlobTests.text(9)) }
        let append = try #require(try store.beginCommit(now: 0))
        let crashed = try directory.copyStore(to: "crashed")
        // The batch came to the disk, its turn did not.
        let number = try #require(try blobs.numbers.first)
        _ = append.write()
        let file = BlobFolder(crashed).file(number)
        try FileManager.default.removeItem(atPath: file)
        try FileManager.default.copyItem(atPath: blobs.file(number), toPath: file)
        let recovered = try open(crashed)
        try expect(0..<4, recovered)
        let size = try [UInt8](file: file).count
        #expect(size < BlobTests.fileBytes, "space that was reserved is given back")
        try put(4..<8, recovered)
        #expect(try [UInt8](file: file).count == size)
        try expect(0..<8, recovered)
    }

    @Test func `a file that comes back has its rows again`() throws {
        try put(0..<60, try open())
        var store = try open()
        try store.close(now: 0)
        let (first, second) = (try [UInt8](file: blobs.file(1)), try [UInt8](file: blobs.file(2)))
        try FileManager.default.removeItem(atPath: blobs.file(1))
        truncate(blobs.file(2), 10_000)
        store = try open()
        try store.put(.jobs, 60, "the broker goes on without them")
        try store.checkpoint(now: 0)
        try store.close(now: 0)
        try first.write(to: blobs.file(1))
        try second.write(to: blobs.file(2))
        store = try open()
        try store.delete(.jobs, 60)
        try expect(0..<60, store)
        try store.close(now: 0)
        try FileManager.default.moveItem(atPath: blobs.path, toPath: blobs.path + "-aside")
        for _ in 0..<2 { #expect(try storeError { _ = try open() } == .directoryDamaged) }
        try FileManager.default.moveItem(atPath: blobs.path + "-aside", toPath: blobs.path)
        try expect(0..<60, try open())
    }

    @Test func `what is not the store's is left alone`() throws {
        let store = try open()
        try put(0..<10, store)
        try store.close(now: 0)
        let copy = blobs.path + "/00000001.blob.bak"
        try Array("a copy".utf8).write(to: copy)
        try FileManager.default.createDirectory(
            atPath: blobs.path + "/lost+found", withIntermediateDirectories: false)
        try expect(0..<10, try open())
        #expect(FileManager.default.fileExists(atPath: copy))
    }

    @Test func `an account that is gone is no reason to remove its file`() throws {
        var store = try open()
        try put(0..<20, store)
        try store.close(now: 0)
        var data = try [UInt8](file: directory.file("data.mdb"))
        let places = data.indices.dropLast(16).filter { place in
            Array(data[place..<place + 5]) == [2, 0, 0, 0, 1]
                && data[place + 8..<place + 13].allSatisfy { $0 == 0 }
        }
        #expect(!places.isEmpty)
        for place in places { data[place] = 9 }
        try data.write(to: directory.file("data.mdb"))
        store = try open()
        try expect(0..<20, store)
        #expect(try store.storageProblems() == [])
    }

    @Test func `only the file that is appended to is held open`() throws {
        let store = try open()
        try put(0..<100, store)
        let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").filter {
            let target = try? FileManager.default.destinationOfSymbolicLink(
                atPath: "/proc/self/fd/\($0)")
            return target?.hasPrefix(blobs.path) == true
        }
        #expect(open.count == Store.commitsMax)
        #expect(try blobs.numbers.count > 4)
    }

    @Test func `a damaged account is counted anew`() throws {
        var store = try open()
        try put(0..<60, store)
        for id: UInt64 in 0..<30 { try store.delete(.jobs, id) }
        try store.close(now: 0)
        var data = try [UInt8](file: directory.file("data.mdb"))
        let key: [UInt8] = [2, 0, 0, 0, 4]
        let places = data.indices.dropLast(16).filter { place in
            data[place] == 2 && Array(data[place..<place + 5]) == key
                && data[place + 8..<place + 13].allSatisfy { $0 == 0 }
        }
        #expect(!places.isEmpty)
        for place in places { data[place + 5] ^= 1 }
        try data.write(to: directory.file("data.mdb"))
        store = try open()
        #expect(try store.storageProblems() == [])
        try expect(30..<60, store)
        for id: UInt64 in 30..<60 { try store.delete(.jobs, id) }
        try store.checkpoint(now: 0)
        #expect(try blobs.numbers == [])
    }

    // MARK: Garbage

    @Test func `rows that keep garbage alive are written anew`() throws {
        let store = try open(garbageMin: 2 * BlobTests.fileBytes)
        try put(0..<200, store)
        let kept = (0..<200).filter { $0.isMultiple(of: 10) }.map { UInt64($0) }
        for id: UInt64 in 0..<200 where !id.isMultiple(of: 10) { try store.delete(.jobs, id) }
        let before = try blobs.numbers.count
        #expect(before >= 10)
        try store.checkpoint(now: 0)
        #expect(store.isCompacting)
        var steps = 0
        while store.isCompacting, steps < 1_000 {
            try store.compact(bytesMax: 4_000)
            try store.checkpoint(now: 0)
            steps += 1
        }
        #expect(!store.isCompacting)
        #expect(steps > 5, "a turn does little of it")
        try expect(kept, store)
        let bytes = try blobs.numbers.reduce(0) { try $0 + [UInt8](file: blobs.file($1)).count }
        #expect(bytes < 6 * BlobTests.fileBytes)
        try expect(kept, try open(try directory.copyStore(to: "crashed")))
    }

    @Test func `a damaged row is refused, and its file kept`() throws {
        var store = try open()
        try put(0..<60, store)
        try store.close(now: 0)
        let first = blobs.file(1)
        var bytes = try [UInt8](file: first)
        bytes[5_000] ^= 1
        try bytes.write(to: first)
        store = try open(garbageMin: 0)
        let damaged = try store.turn { rows in try rows.survey(.jobs) { _, _ in } }
        #expect(damaged.count == 1)
        let lost = try #require(damaged.first)
        for id: UInt64 in 4..<60 { try store.delete(.jobs, id) }
        try store.checkpoint(now: 0)
        while store.isCompacting {
            try store.compact(bytesMax: 100_000)
            try store.checkpoint(now: 0)
        }
        #expect(try blobs.numbers.contains(1))
        #expect(try store.turn { try $0.survey(.jobs) { _, _ in } }.map(\.key) == [lost.key])
        let gone = try store.turn { try $0.delete(.jobs, .id(UInt64(lost.key[7]))) }
        #expect(gone)
        try store.commit(now: 0)
        try store.checkpoint(now: 0)
        #expect(try !blobs.numbers.contains(1))
    }

    @Test func `rows of a file that is missing or cut short are damaged, and the others are not`()
        throws
    {
        var store = try open()
        try put(0..<60, store)
        try store.close(now: 0)
        try FileManager.default.removeItem(atPath: blobs.file(1))
        truncate(blobs.file(2), 10_000)
        store = try open()
        let (damaged, good) = try store.turn { rows in
            var good = 0
            let damaged = try rows.survey(.jobs) { _, _ in good += 1 }
            return (damaged, good)
        }
        #expect(damaged.count > 10)
        #expect(damaged.count + good == 60)
        #expect(damaged.contains { $0.error.message.contains("blob file 1") })
        #expect(damaged.contains { $0.error.message.contains("blob file 2") })
        #expect(try store.storageProblems().contains { $0.contains("blob file 1 is missing") })
        try store.turn { try $0.clear(.jobs, from: .id(0), to: .id(60)) }
        try store.commit(now: 0)
        try store.checkpoint(now: 0)
        #expect(try store.all(.jobs) == [:])
    }
}

/// A device that has no room for a blob file.
@Suite(.fewAtATime, .timeLimit(.minutes(1)), .enabled(if: SmallDevice.isPossible))
struct FullBlobTests {
    @Test func `long rows stay in the table while there is no room for a file`() throws {
        let device = try SmallDevice(megabytes: 16)
        var configuration = Store.Configuration.small("\(device.path)/store", segmentBytes: 1 << 20)
        configuration.reserveBytes = 1 << 20
        configuration.blobs = Store.Blobs(fileBytes: 4 << 20, commitBytesMin: 0)
        let store = try Store.open(configuration)
        let ballast = "\(device.path)/ballast"
        #expect(FileManager.default.createFile(atPath: ballast, contents: Data(count: 10 << 20)))
        let text = String(repeating: "x", count: 3_000)
        try store.put(.jobs, 1, text)
        #expect(try BlobFolder(configuration.directory).numbers == [])
        try FileManager.default.removeItem(atPath: ballast)
        try store.put(.jobs, 2, text)
        #expect(try BlobFolder(configuration.directory).numbers == [], "not tried each time")
        try store.checkpoint(now: 0)
        try store.put(.jobs, 3, text)
        #expect(try BlobFolder(configuration.directory).numbers.count == 1)
        #expect(try store.all(.jobs) == [1: text, 2: text, 3: text])
    }

    @Test func `on a full device the spare makes room out of garbage`() throws {
        let device = try SmallDevice(megabytes: 16)
        var configuration = Store.Configuration.small("\(device.path)/store", segmentBytes: 1 << 20)
        configuration.reserveBytes = 1 << 20
        configuration.blobs = Store.Blobs(fileBytes: 1 << 20, commitBytesMin: 0)
        let store = try Store.open(configuration)
        let folder = BlobFolder(configuration.directory)
        let text = String(repeating: "x", count: 50_000)
        var ids: UInt64 = 0
        while try folder.numbers.count < 6 {
            try store.put(.jobs, ids, text)
            ids += 1
        }
        try device.fill("\(device.path)/ballast")
        while store.acceptsSubmissions {
            try store.put(.jobs, ids, text)
            try store.checkpoint(now: 0)
            ids += 1
        }
        let kept = stride(from: 0, to: ids, by: 5).map { $0 }
        for id in 0..<ids where !id.isMultiple(of: 5) { try store.delete(.jobs, id) }
        try store.checkpoint(now: 0)
        #expect(store.isCompacting)
        for _ in 0..<100 where store.isCompacting {
            try store.compact(bytesMax: 200_000)
            try store.checkpoint(now: 0)
        }
        #expect(!store.isCompacting)
        #expect(store.acceptsSubmissions)
        #expect(try store.all(.jobs) == Dictionary(uniqueKeysWithValues: kept.map { ($0, text) }))
    }
}
