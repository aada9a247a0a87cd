import Foundation
import TestSupport
import Testing

@testable import Store

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct LogRecyclingTests {
    private let directory: TestDirectory

    init() throws {
        directory = try TestDirectory()
    }

    private var configuration: Store.Configuration {
        .small(directory.store, segmentBytes: 8 * LogFormat.block)
    }

    @Test func `segments are used again and never become many`() throws {
        let store = try Store.open(configuration)
        for turn: UInt64 in 1...500 {
            try store.put(.jobs, turn % 50, "turn \(turn)")
            if turn.isMultiple(of: 5) { try store.checkpoint(now: turn) }
            #expect(try directory.logNames().count <= 3)
        }
        #expect(try directory.logNames().last == "spare-72")
        #expect(store.lastTurn == 500)
        let reopened = try Store.open(
            .small(directory.copyStore(to: "copy"), segmentBytes: 8 * LogFormat.block))
        #expect(reopened.lastTurn == 500)
        #expect(try reopened.all(.jobs) == store.all(.jobs))
    }

    @Test func `records left over from a segment's earlier use are not replayed`() throws {
        let store = try Store.open(configuration)
        for turn: UInt64 in 1...17 {
            try store.put(.jobs, turn, "old")
            if turn.isMultiple(of: 7) { try store.checkpoint(now: turn) }
        }
        try store.turn { for id: UInt64 in 1...17 { _ = try $0.delete(.jobs, .id(id)) } }
        try store.commit(now: 18)
        let copy = try directory.copyStore(to: "copy")
        let active = try #require(try directory.logNames().last { $0.hasSuffix(".log") })
        let bytes = try [UInt8](file: "\(copy)/log/\(active)")
        let id = try DataDirectoryMarker(copy).id
        let stale = stride(from: LogFormat.block, to: bytes.count, by: LogFormat.block).contains {
            let header = bytes[$0...].withUnsafeBytes { RecordHeader($0, id) }
            return header.map { $0.turn <= 7 } ?? false
        }
        #expect(stale, "the segment in use was used before")
        let reopened = try Store.open(.small(copy, segmentBytes: 8 * LogFormat.block))
        #expect(try reopened.all(.jobs) == [:])
        #expect(reopened.lastTurn == 18)
    }

    @Test func `a record forged inside a payload is not taken for one`() throws {
        let store = try Store.open(configuration)
        let id = LogID(high: 1, low: 2)
        var forged = [UInt8](repeating: 0, count: LogFormat.block)
        let header = RecordHeader(turn: 2, length: 0, mutations: 0, previous: 0)
        forged.withUnsafeMutableBytes { bytes in
            if let base = bytes.baseAddress { _ = header.seal(base, id) }
        }
        // The payload holds the forged record at the start of a block, whatever stands before it.
        let before = RecordHeader.size + Mutation.headerSize + 8
        let filler = [UInt8](repeating: 0, count: LogFormat.block - before)
        try store.turn { rows in
            try rows.put(.jobs, .id(1)) { row in
                (filler + forged).withUnsafeBytes { row.bytes($0) }
            }
        }
        try store.commit(now: 0)
        // The real record's first block is lost: only what the payload holds remains behind it.
        let name = LogFiles.name(1)
        var bytes = try [UInt8](file: directory.file("log/\(name)"))
        #expect(bytes[(2 * LogFormat.block)...].starts(with: forged))
        bytes.replaceSubrange(
            LogFormat.block..<2 * LogFormat.block, with: repeatElement(0, count: LogFormat.block))
        let copy = try directory.copyStore(to: "copy")
        try bytes.write(to: "\(copy)/log/\(name)")
        let reopened = try Store.open(.small(copy, segmentBytes: 8 * LogFormat.block))
        #expect(reopened.lastTurn == 0)
    }

    @Test func `a turn larger than a segment is made durable by a checkpoint`() throws {
        let store = try Store.open(configuration)
        try store.put(.jobs, 1, "small")
        let large = String(repeating: "x", count: 9 * LogFormat.block)
        try store.put(.jobs, 2, large)
        #expect(try store.snapshot { try $0.text(.jobs, 2) } == large)
        try store.put(.jobs, 3, "small again")
        let reopened = try Store.open(
            .small(directory.copyStore(to: "copy"), segmentBytes: 8 * LogFormat.block))
        #expect(reopened.lastTurn == 3)
        #expect(try reopened.all(.jobs) == [1: "small", 2: large, 3: "small again"])
    }

    @Test func `another segment size is taken up as segments change`() throws {
        let store = try Store.open(configuration)
        for turn: UInt64 in 1...10 { try store.put(.jobs, turn, "first") }
        let copy = try directory.copyStore(to: "copy")
        let larger = Store.Configuration.small(copy, segmentBytes: 16 * LogFormat.block)
        let reopened = try Store.open(larger)
        for turn: UInt64 in 11...40 {
            try reopened.put(.jobs, turn, "second")
            if turn.isMultiple(of: 10) { try reopened.checkpoint(now: 0) }
        }
        let log = try FileManager.default.contentsOfDirectory(atPath: "\(copy)/log")
        let sizes = try log.map { try [UInt8](file: "\(copy)/log/\($0)").count }
        #expect(sizes.allSatisfy { $0 == 16 * LogFormat.block })
        let again = try Store.open(
            {
                var configuration = larger
                configuration.directory = directory.path + "/again"
                try FileManager.default.copyItem(atPath: copy, toPath: configuration.directory)
                return configuration
            }())
        #expect(try again.all(.jobs).count == 40)
    }

    @Test func `a checkpoint is due by time, by bytes and by rows`() throws {
        var configuration = configuration
        configuration.checkpointMilliseconds = 100
        configuration.checkpointBytes = 2_000
        configuration.checkpointMutations = 3
        let store = try Store.open(configuration)
        #expect(store.checkpointDeadline == nil)
        #expect(!store.checkpointDue(now: .max))
        try store.turn { try $0.put(.jobs, 1, "one") }
        try store.commit(now: 1_000)
        #expect(store.checkpointDeadline == 1_100)
        #expect(!store.checkpointDue(now: 1_099))
        #expect(store.checkpointDue(now: 1_100))
        try store.turn { try $0.put(.jobs, 2, "two") }
        try store.commit(now: 1_050)
        #expect(store.checkpointDeadline == 1_100)
        try store.turn { try $0.put(.jobs, 3, "three") }
        try store.commit(now: 1_060)
        #expect(store.checkpointDue(now: 1_060))
        try store.checkpoint(now: 1_060)
        #expect(store.checkpointDeadline == nil)
        try store.turn { try $0.put(.jobs, 4, String(repeating: "x", count: 2_000)) }
        try store.commit(now: 1_070)
        #expect(store.checkpointDue(now: 1_070))
    }
}
