import Foundation
import TestSupport
import Testing

@testable import Store

/// Rows of the brief table that stay, many as one value of LMDB.
@Suite(.fewAtATime, .timeLimit(.minutes(2)))
struct PackedRowsTests {
    private let directory: TestDirectory
    private let recentBytes = 64 << 10

    init() throws {
        directory = try TestDirectory()
    }

    private func open(_ path: String? = nil, recentBytes: Int? = nil) throws -> Store {
        var configuration = Store.Configuration.small(
            path ?? directory.store, segmentBytes: 4 << 20)
        configuration.recentBytes = recentBytes ?? self.recentBytes
        return try Store.open(configuration)
    }

    private func text(_ id: UInt64) -> String { "row \(id) " + String(repeating: "x", count: 90) }

    /// Rows that are stored, in packs as far as they fill them.
    private func store(_ ids: ClosedRange<UInt64>) throws -> Store {
        let store = try open()
        try put(ids, store)
        try store.checkpoint(now: 1)
        return store
    }

    private func put(_ ids: ClosedRange<UInt64>, _ store: Store) throws {
        try store.turn { rows in
            for id in ids { try rows.put(.ready, id, text(id), ascending: true) }
        }
        try store.commit(now: 0)
    }

    /// The places of the packs, as of the last checkpoint.
    private func places(_ store: Store) throws -> [UInt64] {
        try store.snapshot { rows in
            var places: [UInt64] = []
            while let pack = try rows.view.pack(.atOrAfter, places.last.map { $0 + 1 } ?? 0) {
                places.append(pack.number)
            }
            return places
        }
    }

    private func packs(_ store: Store) throws -> Int { try places(store).count }

    /// Rows of table "packs", the packs' own and such of what was removed from them.
    private func rowsOfPacks(_ store: Store) throws -> Int {
        try store.turn { $0.view.rowsOfPacks }
    }

    private func expect(_ ids: [UInt64], in store: Store) throws {
        #expect(try store.turn { try $0.ids(.ready, from: Key()) } == ids)
        #expect(
            try store.turn { try $0.ids(.ready, from: .last, reverse: true) } == ids.reversed())
        for id in ids { #expect(try store.text(.ready, id) == text(id)) }
    }

    @Test func `what stays is packed, and read as before`() throws {
        let store = try store(1...1_000)
        // 1,000 rows of some 125 bytes, 260 to a pack; they were stored in several parts.
        #expect((4...12).contains(try packs(store)))
        try expect(Array(1...1_000), in: store)
        #expect(try store.snapshot { try $0.all(.ready).count } == 1_000)
        #expect(try store.text(.ready, 1_001) == nil)
        let ids = try store.turn { try $0.ids(.ready, from: .id(500), to: .id(503)) }
        #expect(ids == [500, 501, 502])
        try store.close(now: 2)
        try expect(Array(1...1_000), in: open())
    }

    @Test func `few rows, and long ones, are by themselves`() throws {
        let store = try store(1...5)
        #expect(try packs(store) == 0)
        try store.turn { rows in
            for id in UInt64(6)...50 {
                try rows.put(.ready, id, String(repeating: "y", count: 2_000), ascending: true)
            }
        }
        try store.commit(now: 1)
        try store.checkpoint(now: 2)
        #expect(try packs(store) == 0)
        #expect(try store.all(.ready).count == 50)
    }

    @Test
    func `what is removed is gone at once, and from the pack with the next checkpoint`() throws {
        let store = try store(1...200)
        let before = try places(store)
        try store.turn { rows throws in
            #expect(try rows.delete(.ready, .id(7)))
            #expect(try !rows.delete(.ready, .id(7)))
            #expect(try rows.text(.ready, 7) == nil)
            #expect(try rows.text(.ready, 8) != nil)
        }
        try store.commit(now: 1)
        #expect(try store.snapshot { try $0.text(.ready, 7) } == text(7))
        try store.checkpoint(now: 2)
        #expect(try store.snapshot { try $0.text(.ready, 7) } == nil)
        let left = (1...200).filter { $0 != 7 }.map { UInt64($0) }
        try expect(left, in: store)
        // The pack is as it was.
        #expect(try places(store) == before)
        #expect(try rowsOfPacks(store) == before.count + 1)
        try store.close(now: 3)
        let opened = try open()
        try expect(left, in: opened)
        #expect(try !opened.turn { try $0.delete(.ready, .id(7)) })
        try opened.turn { try $0.clear(.ready, from: .id(1), to: .id(201)) }
        #expect(try rowsOfPacks(opened) == 0)
    }

    @Test func `a pack goes with its last row`() throws {
        let store = try store(1...300)
        #expect(try packs(store) > 0)
        try store.turn { try $0.clear(.ready, from: .id(1), to: .id(301)) }
        #expect(try rowsOfPacks(store) == 0)
        try store.commit(now: 1)
        try store.checkpoint(now: 2)
        #expect(try packs(store) == 0)
        try put(400...410, store)
        try expect(Array(400...410), in: store)
    }

    @Test func `a row that is put in place of a packed one leaves the pack`() throws {
        let store = try store(1...200)
        try store.turn { rows in
            try rows.put(.ready, 100, "another")
            try rows.put(.ready, 201, text(201), ascending: true)
        }
        try store.commit(now: 1)
        func check(_ store: Store) throws {
            #expect(try store.text(.ready, 100) == "another")
            let ids = try store.turn { try $0.ids(.ready, from: .id(98)) }
            #expect(ids == Array(98...201))
        }
        try check(store)
        try check(open(directory.copyStore(to: "crashed")))
        try store.checkpoint(now: 2)
        try check(store)
    }

    @Test func `what recovery finds in the log is packed as well`() throws {
        let store = try store(1...100)
        try put(101...500, store)
        try store.turn { try $0.clear(.ready, from: .id(50), to: .id(200)) }
        try store.commit(now: 2)
        let copy = try open(directory.copyStore(to: "crashed"))
        try expect(Array(1...49) + Array(200...500), in: copy)
        #expect((3...15).contains(try packs(copy)))
        let stored = try copy.snapshot { try $0.all(.ready).count }
        #expect(stored == 350)
    }

    @Test func `a pack that is mostly garbage is packed anew`() throws {
        let store = try store(1...2_000)
        let before = try places(store)
        func remove(_ isRemoved: (UInt64) -> Bool) throws {
            try store.turn { rows in
                for id in UInt64(1)...2_000 where isRemoved(id) {
                    _ = try rows.delete(.ready, .id(id))
                }
            }
            try store.commit(now: 1)
            try store.checkpoint(now: 2)
        }
        try remove { $0 % 3 == 0 }
        #expect(try places(store) == before)
        try expect((1...2_000).filter { $0 % 3 != 0 }, in: store)
        try remove { $0 % 3 == 1 }
        #expect(try packs(store) < before.count)
        let left = (1...2_000).filter { $0 % 3 == 2 }.map { UInt64($0) }
        try expect(left, in: store)
        try store.close(now: 3)
        try expect(left, in: open())
    }

    /// A checkpoint packs some of them anew; others have their turn with later ones, also after a restart.
    @Test func `however many packs become garbage at once, all are packed anew in time`() throws {
        let ids: ClosedRange<UInt64> = 1...50_000
        var store = try store(ids)
        let before = try packs(store)
        #expect(before > 2 * 128)
        try store.turn { rows in
            try rows.sweep(.ready, from: Key(), to: .id(ids.upperBound)) { key, _ in
                try key.u64() % 10 == 0 ? .keep : .remove
            }
        }
        try store.commit(now: 1)
        try store.checkpoint(now: 2)
        let first = try packs(store)
        #expect(first > before / 3 && first < before)
        try store.close(now: 3)
        store = try open()
        for now in UInt64(4)...20 {
            try store.turn { try $0.put(.jobs, now, "another turn") }
            try store.commit(now: now)
            try store.checkpoint(now: now)
        }
        #expect(try packs(store) < before / 4)
        let isGarbageLeft = try store.snapshot { rows in
            var cursor = try RowCursor(rows.view, .packs)
            var isFound = false
            var next = try cursor.seek(Key(), .atOrAfter)
            while let entry = next {
                isFound = isFound || RemovedRows.isMostOfThem(entry.value, at: entry.key)
                next = try cursor.step(reverse: false)
            }
            return isFound
        }
        #expect(!isGarbageLeft)
        try expect(ids.filter { $0 % 10 == 0 }, in: store)
    }

    /// Each would be 32 KiB to write, if packs were changed.
    @Test func `removing a row of each of many packs changes none of them`() throws {
        let store = try store(1...50_000)
        let places = try places(store)
        try store.turn { rows in
            for place in places { _ = try rows.delete(.ready, .id(place)) }
        }
        try store.commit(now: 1)
        try store.checkpoint(now: 2)
        #expect(try self.places(store) == places)
        #expect(try rowsOfPacks(store) == 2 * places.count)
    }

    // MARK: Damage

    /// A store whose pack of `ids` has some of its bytes changed on the disk.
    private func damaged(
        _ ids: ClosedRange<UInt64>, _ change: (inout [UInt8], _ pack: Range<Int>) -> Void
    ) throws -> Store {
        let store = try store(ids)
        #expect(try packs(store) == 1)
        let stored = try store.snapshot { rows in
            try rows.view.pack(.atOrBefore, ids.upperBound).map { Array($0.bytes) }
        }
        try store.close(now: 2)
        try damage(#require(stored), change)
        return try open()
    }

    /// Changes what a file of LMDB has of a value, at the last place.
    private func damage(
        _ value: [UInt8], in path: String? = nil,
        _ change: (inout [UInt8], _ value: Range<Int>) -> Void
    ) throws {
        let path = path ?? directory.file("data.mdb")
        var data = try Data(contentsOf: URL(filePath: path))
        let found = try #require(data.range(of: Data(value), options: .backwards))
        var bytes = [UInt8](data)
        change(&bytes, found)
        data = Data(bytes)
        try data.write(to: URL(filePath: path))
    }

    @Test func `either index of a pack will do`() throws {
        for isFirst in [true, false] {
            try? FileManager.default.removeItem(atPath: directory.store)
            let store = try damaged(1...30) { data, pack in
                data[isFirst ? pack.lowerBound + 9 : pack.upperBound - 9] ^= 1
            }
            try expect(Array(1...30), in: store)
            #expect(try store.storageProblems().count == 1)
            try store.repairStorage()
            try store.checkpoint(now: 3)
            #expect(try store.storageProblems() == [])
            try expect(Array(1...30), in: store)
        }
    }

    @Test func `damage to a row leaves its neighbours`() throws {
        let store = try damaged(1...30) { data, pack in
            data[pack.lowerBound + pack.count / 2] ^= 4
        }
        let bad = try store.turn { rows in try rows.survey(.ready) { _, _ in } }
        #expect(bad.count == 1)
        let id = try #require(bad.first?.key.last.map { UInt64($0) })
        #expect(
            try storeError { _ = try store.text(.ready, id) }
                == .damaged(table: .ready, key: [0, 0, 0, 0, 0, 0, 0, UInt8(id)]))
        #expect(try store.turn { try $0.raw(.ready, .id(id))?.count } == text(id).utf8.count + 4)
        #expect(try store.delete(.ready, id))
        try expect((1...30).filter { $0 != id }, in: store)
    }

    /// A store of rows 1 … 30 whose pack does not know any more that row 4 was removed, and row 5 replaced.
    private func storeWithoutRemoved() throws -> Store {
        let store = try store(1...30)
        try store.turn { rows in
            _ = try rows.delete(.ready, .id(4))
            try rows.put(.ready, 5, "newer")
        }
        try store.commit(now: 2)
        try store.checkpoint(now: 3)
        let stored = try store.snapshot { rows in
            var cursor = try RowCursor(rows.view, .packs)
            return try cursor.seek(.last, .atOrBefore).map { Array($0.value) }
        }
        try store.close(now: 4)
        try damage(#require(stored)) { data, value in data[value.lowerBound + 8] ^= 2 }
        return try open()
    }

    @Test func `a pack that does not know what was removed has its rows, but for newer ones`()
        throws
    {
        let store = try storeWithoutRemoved()
        func check() throws {
            #expect(try store.turn { try $0.ids(.ready, from: Key()) } == Array(1...30))
            #expect(
                try store.turn { try $0.ids(.ready, from: .last, reverse: true) }
                    == Array(1...30).reversed())
            #expect(try store.text(.ready, 4) == text(4))
            #expect(try store.text(.ready, 5) == "newer")
            #expect(try store.all(.ready)[5] == "newer")
        }
        try check()
        #expect(try store.storageProblems().count == 1)
        try store.repairStorage()
        try store.checkpoint(now: 5)
        #expect(try store.storageProblems() == [])
        try check()
    }

    @Test(arguments: [true, false])
    func `a row that is in such a pack and newer by itself is removed from both`(
        isSwept: Bool
    ) throws {
        let store = try storeWithoutRemoved()
        if isSwept {
            try store.turn { try $0.clear(.ready, from: .id(5), to: .id(6)) }
        } else {
            #expect(try store.turn { try $0.delete(.ready, .id(5)) })
        }
        try store.commit(now: 5)
        #expect(try store.text(.ready, 5) == nil)
        try store.checkpoint(now: 6)
        #expect(try store.turn { try $0.ids(.ready, from: .id(4)) } == [4] + Array(6...30))
    }

    /// Rows 1 … 30 in a pack of which both indexes are damaged.
    private func storeWithoutIndexes() throws -> Store {
        try damaged(1...30) { data, pack in
            data[pack.lowerBound + 9] ^= 1
            data[pack.upperBound - 9] ^= 1
        }
    }

    @Test func `a pack that can't be read is neither hidden nor lost by a newer row`() throws {
        let store = try storeWithoutIndexes()
        try store.turn { try $0.put(.ready, 1, "newer") }
        try store.commit(now: 3)
        let copy = try open(directory.copyStore(to: "crashed"))
        for store in [store, copy] {
            #expect(try store.text(.ready, 1) == "newer")
            let bad = try store.turn { rows in try rows.survey(.ready) { _, _ in } }
            #expect(bad.map(\.key) == [[0, 0, 0, 0, 0, 0, 0, 1]])
            #expect(try store.turn { try $0.delete(.ready, .id(1)) })
            try store.commit(now: 4)
            #expect(try places(store) == [1])
            try store.turn { try $0.put(.ready, 1, "newest") }
            // All of it, so that nothing is lost, and not the row.
            let taken = try store.turn { try $0.take(.ready, .id(1)) }
            #expect(taken?.count ?? 0 > 30 * 90)
            try store.commit(now: 5)
            try store.checkpoint(now: 6)
            #expect(try places(store) == [])
            #expect(try store.all(.ready) == [1: "newest"])
        }
    }

    @Test func `a log that removes a row takes no pack with it that can't be read`() throws {
        let store = try store(1...30)
        let stored = try store.snapshot { rows in
            try rows.view.pack(.atOrBefore, 1).map { Array($0.bytes) }
        }
        try store.turn { _ = try $0.delete(.ready, .id(1)) }
        try store.commit(now: 3)
        let path = try directory.copyStore(to: "crashed")
        try damage(#require(stored), in: "\(path)/data.mdb") { data, pack in
            data[pack.lowerBound + 9] ^= 1
            data[pack.upperBound - 9] ^= 1
        }
        #expect(try places(open(path)) == [1])
    }

    @Test func `a pack that lost its place hides no other`() throws {
        let store = try store(1...1_000)
        let places = try places(store)
        try store.turn { _ = try $0.delete(.ready, .id(places[1] + 3)) }
        try store.commit(now: 2)
        try store.checkpoint(now: 3)
        try store.close(now: 4)
        // Where it is in a leaf, its key is between its flags and the number of its page.
        let key = withUnsafeBytes(of: places[1].bigEndian) { Array($0) }
        let other = withUnsafeBytes(of: (places[1] - 1).bigEndian) { Array($0) }
        let path = URL(filePath: directory.file("data.mdb"))
        var data = try Data(contentsOf: path)
        while let place = data.range(of: Data([1, 0, 8, 0] + key)) {
            data.replaceSubrange(place, with: [1, 0, 8, 0] + other)
        }
        try data.write(to: path)
        let opened = try open()
        let bad = try opened.turn { rows in try rows.survey(.ready) { _, _ in } }
        #expect(bad.map(\.key) == [other])
        let last = try opened.turn {
            try $0.last(.ready, atOrBefore: .last) { key, _ in try key.u64() }
        }
        #expect(last == 1_000)
        #expect(try opened.text(.ready, 999) == text(999))
        #expect(try opened.storageProblems().count == 1)
        try opened.repairStorage()
        try opened.checkpoint(now: 5)
        #expect(try opened.storageProblems() == [])
    }

    @Test func `a pack without a good index is one damaged row, and can be set aside`() throws {
        let store = try storeWithoutIndexes()
        let bad = try store.turn { rows in try rows.survey(.ready) { _, _ in } }
        #expect(bad.map(\.key) == [[0, 0, 0, 0, 0, 0, 0, 1]])
        try put(31...32, store)
        #expect(try store.text(.ready, 2) == nil)
        #expect(try store.turn { try $0.take(.ready, .id(1))?.count ?? 0 } > 30 * 90)
        try store.commit(now: 3)
        try store.checkpoint(now: 4)
        try expect([31, 32], in: store)
    }

    // MARK: Any order

    /// Seeds that once found something, and a new one each time. A failure names its seed.
    @Test(arguments: [1, 2, 3, UInt64.random(in: .min ... .max)])
    func `a table with packs does what a dictionary does, through crashes and restarts`(
        seed: UInt64
    ) throws {
        var random = SplitMix(seed: seed)
        var path = directory.store
        var store = try open(path)
        var model: [UInt64: String] = [:]
        var next: UInt64 = 0
        for step in 0..<300 {
            let note = Comment(rawValue: "seed \(seed) step \(step)")
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<70:
                try store.turn { try change($0, &model, &next, &random) }
                try store.commit(now: 0)
            case 70..<90:
                try store.checkpoint(now: UInt64(step))
                #expect(try store.snapshot { try $0.all(.ready) } == model, note)
            case 90..<95:
                try store.close(now: UInt64(step))
                store = try open(path)
            default:
                path = "\(directory.path)/crash-\(step)"
                try directory.copy(store.configuration.directory, to: path)
                store = try open(path)
            }
            try look(store, model, near: UInt64.random(in: 0...next + 1, using: &random), note)
        }
    }

    private func change(
        _ rows: borrowing Transaction, _ model: inout [UInt64: String], _ next: inout UInt64,
        _ random: inout SplitMix
    ) throws {
        func text() -> String {
            String(repeating: "x", count: Int.random(in: 0...400, using: &random))
        }
        let some = UInt64.random(in: 0...next + 1, using: &random)
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<4:
            for _ in 0..<Int.random(in: 1...200, using: &random) {
                next += UInt64.random(in: 1...2, using: &random)
                model[next] = text()
                try rows.put(.ready, next, model[next] ?? "", ascending: true)
            }
        case 4..<6:
            for id in some..<some + UInt64.random(in: 1...20, using: &random) {
                #expect(
                    try rows.delete(.ready, .id(id)) == (model.removeValue(forKey: id) != nil))
            }
        case 6:
            model[some] = text()
            next = max(next, some)
            try rows.put(.ready, some, model[some] ?? "", ascending: Bool.random(using: &random))
        case 7:
            let end = some + UInt64.random(in: 0...300, using: &random)
            let every = UInt64.random(in: 1...5, using: &random)
            try rows.sweep(.ready, from: .id(some), to: .id(end)) { key, _ in
                try key.u64() % every == 0 ? .keep : .remove
            }
            model = model.filter { !(some..<end).contains($0.key) || $0.key % every == 0 }
        default:
            let end = UInt64.random(in: 0...some, using: &random)
            try rows.clear(.ready, from: Key(), to: .id(end))
            model = model.filter { $0.key >= end }
        }
    }

    private func look(
        _ store: Store, _ model: [UInt64: String], near id: UInt64, _ note: Comment
    ) throws {
        let ids = model.keys.sorted()
        try store.turn { rows throws in
            #expect(try rows.all(.ready) == model, note)
            #expect(try rows.text(.ready, id) == model[id], note)
            #expect(
                try rows.ids(.ready, from: .id(id), reverse: true)
                    == ids.filter { $0 <= id }.reversed(), note)
            let after = try rows.first(.ready, atOrAfter: .id(id)) { key, _ in try key.u64() }
            #expect(after == ids.first { $0 >= id }, note)
            let before = try rows.last(.ready, atOrBefore: .id(id)) { key, _ in try key.u64() }
            #expect(before == ids.last { $0 <= id }, note)
        }
    }
}
