import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Store

/// Checkpoints that are written and not yet on the disk.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct FlushTests {
    private let directory: TestDirectory
    private let pageBytes = 4096

    init() throws {
        directory = try TestDirectory()
    }

    /// Turns 1… put their row, change an old one and take one away, so that every page of the tables changes again
    /// and again.
    private func take(_ turns: ClosedRange<UInt64>, _ store: Store) throws {
        for turn in turns {
            try store.turn { rows in
                try rows.put(.jobs, turn, String(repeating: "\(turn) ", count: 60))
                try rows.put(.ready, turn % 7, "\(turn)")
                try rows.put(.ready, turn + 7, "\(turn)", ascending: true)
                if turn > 9 { _ = try rows.delete(.ready, .id(turn - 2)) }
                if turn > 40 { _ = try rows.delete(.jobs, .id(turn - 40)) }
            }
            try store.commit(now: turn)
        }
    }

    private func expectAll(_ turns: UInt64, in path: String, _ place: Comment) throws {
        let store = try Store.open(.small(path))
        let first = turns > 40 ? turns - 39 : 1
        #expect(store.lastTurn == turns, place)
        #expect(try store.all(.jobs).keys.sorted() == Array(first...turns), place)
        for turn in first...turns {
            let text = String(repeating: "\(turn) ", count: 60)
            #expect(try store.text(.jobs, turn) == text, place)
        }
        #expect(try store.text(.ready, turns % 7) == "\(turns)", place)
        let recent = try store.turn { try $0.ids(.ready, from: .id(7)) }
        #expect(recent == Array((turns - 1)...(turns + 7)), place)
        // It goes on, checkpoint after checkpoint.
        for turn in (turns + 1)...(turns + 6) {
            try take(turn...turn, store)
            try store.checkpoint(now: turn)
        }
        try store.close(now: 0)
        #expect(try Store.open(.small(path)).lastTurn == turns + 6, place)
    }

    @Test func `a power failure before a checkpoint is on the disk loses nothing`() throws {
        let store = try Store.open(.small(directory.store))
        var random = SplitMix(seed: 5)
        var last: UInt64 = 0
        for round in 0..<8 {
            try take((last + 1)...(last + 30), store)
            last += 30
            // What is safely on the disk, and what may be: any of the pages that the checkpoint has written, or all.
            let before = try [UInt8](file: directory.file("data.mdb"))
            let flush = try #require(try store.beginCheckpoint(now: last))
            let after = try [UInt8](file: directory.file("data.mdb"))
            for lost in ["all but the meta pages", "half", "half, and no meta page", "nothing"] {
                let path = try directory.copyStore(to: "\(round) \(lost)")
                var disk = before
                disk += [UInt8](repeating: 0, count: max(0, after.count - before.count))
                for page in 0..<after.count / pageBytes {
                    let isKept =
                        switch lost {
                        case "all but the meta pages": page < 2
                        case "half": page < 2 || random.next() % 2 == 0
                        case "half, and no meta page": page >= 2 && random.next() % 2 == 0
                        default: true
                        }
                    let bytes = page * pageBytes..<(page + 1) * pageBytes
                    if isKept { disk.replaceSubrange(bytes, with: after[bytes]) }
                }
                try disk.write(to: path + "/data.mdb")
                try expectAll(last, in: path, "\(path)")
            }
            try store.endCheckpoint(flush)
        }
    }

    @Test func `turns go on while a checkpoint is on its way, and a crash keeps them`() throws {
        let store = try Store.open(.small(directory.store, segmentBytes: 1 << 20))
        try take(1...50, store)
        let flush = try #require(try store.beginCheckpoint(now: 0))
        try take(51...90, store)
        #expect(!store.checkpointDue(now: .max))
        #expect(store.checkpointDeadline == nil)
        #expect(store.oldestWaiting != nil)
        try expectAll(90, in: try directory.copyStore(to: "begun"), "begun")
        #expect(flush.write() == 0)
        try expectAll(90, in: try directory.copyStore(to: "synced"), "synced")
        try store.endCheckpoint(flush)
        #expect(store.checkpointDue(now: .max))
        try store.checkpoint(now: 0)
        #expect(store.oldestWaiting == nil)
        try expectAll(90, in: try directory.copyStore(to: "ended"), "ended")
    }

    @Test func `the log keeps its segments until the checkpoint is on the disk`() throws {
        let store = try Store.open(.small(directory.store, segmentBytes: 4 * LogFormat.block))
        try take(1...9, store)
        let flush = try #require(try store.beginCheckpoint(now: 0))
        let names = try directory.logNames()
        #expect(names.filter { $0.hasSuffix(".log") }.count > 1)
        flush.write()
        #expect(try directory.logNames() == names)
        try store.endCheckpoint(flush)
        #expect(try directory.logNames().filter { $0.hasSuffix(".log") }.count == 1)
        try store.endCheckpoint(flush)
    }

    @Test func `a turn without room in the log awaits the checkpoint that is on its way`() throws {
        let store = try Store.open(.small(directory.store, segmentBytes: 4 * LogFormat.block))
        try take(1...5, store)
        let flush = try #require(try store.beginCheckpoint(now: 0))
        try take(6...60, store)
        #expect(flush.write() == 0)
        try store.endCheckpoint(flush)
        let copy = try directory.copyStore(to: "copy")
        let reopened = try Store.open(.small(copy, segmentBytes: 4 * LogFormat.block))
        #expect(reopened.lastTurn == 60)
        #expect(try reopened.all(.jobs).count == 40)
    }

    @Test
    func `a checkpoint that cannot be synced is an unknown outcome, and the log keeps its turns`()
        throws
    {
        let store = try Store.open(.small(directory.store))
        try take(1...50, store)
        let flush = try #require(try store.beginCheckpoint(now: 0))
        #expect(try BrokenDisk.fail(below: directory.store) > 1)
        #expect(flush.write() != 0)
        let unknown = StoreError.Code.unknownOutcome(errno: flush.write())
        #expect(try storeError { try store.endCheckpoint(flush) } == unknown)
        #expect(try storeError { try store.commit(now: 0) } == unknown)
        try expectAll(50, in: try directory.copyStore(to: "next"), "next")
    }

    @Test func `a mark that is damaged, or speaks of another file, is refused by name`() throws {
        let store = try Store.open(.small(directory.store))
        try take(1...5, store)
        try store.close(now: 0)
        let mark = directory.file("data.mdb-synced")
        let good = try [UInt8](file: mark)
        var bad = good
        bad[9] ^= 1
        try bad.write(to: mark)
        let refusal = #expect(throws: StoreError.self) { try Store.open(.small(directory.store)) }
        #expect(refusal?.code == .directoryDamaged)
        #expect(refusal?.message.contains("data.mdb-synced") == true)
        try good.write(to: mark)
        #expect(try Store.open(.small(directory.store)).lastTurn == 5)
    }
}
