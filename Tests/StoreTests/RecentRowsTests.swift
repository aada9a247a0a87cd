import TestSupport
import Testing

@testable import Store

/// The newest rows of a brief table, which are in memory until a checkpoint.
@Suite(.fewAtATime, .timeLimit(.minutes(2)))
struct RecentRowsTests {
    private let directory: TestDirectory

    init() throws {
        directory = try TestDirectory()
    }

    private func open(
        _ path: String? = nil, recentBytes: Int = 4_096, segmentBytes: Int = 4 << 20,
        mutations: Int? = nil
    ) throws -> Store {
        var configuration = Store.Configuration.small(
            path ?? directory.store, segmentBytes: segmentBytes)
        configuration.recentBytes = recentBytes
        if let mutations { configuration.checkpointMutations = mutations }
        return try Store.open(configuration)
    }

    private func rowsInLMDB(_ store: Store) throws -> Int {
        try store.turn { rows in
            try rows.ids(.ready, from: Key()).count { id in
                Key.id(id).withBytes { !rows.view.isInMemory(.ready, $0) }
            }
        }
    }

    private func put(_ ids: ClosedRange<UInt64>, _ store: Store) throws {
        try store.turn { rows in
            for id in ids { try rows.put(.ready, id, "row \(id)", ascending: true) }
        }
        try store.commit(now: 0)
    }

    @Test func `what is removed before a checkpoint never comes to LMDB`() throws {
        let store = try open()
        try put(1...20, store)
        #expect(try rowsInLMDB(store) == 0)
        #expect(try store.all(.ready).count == 20)
        try store.turn { try $0.clear(.ready, from: .id(1), to: .id(16)) }
        try store.commit(now: 0)
        try store.checkpoint(now: 1)
        #expect(try rowsInLMDB(store) == 5)
        #expect(try store.snapshot { try $0.all(.ready) }.keys.sorted() == [16, 17, 18, 19, 20])
    }

    @Test func `the log has them as it has all others`() throws {
        let store = try open()
        try put(1...20, store)
        try store.turn { _ = try $0.delete(.ready, .id(7)) }
        try store.commit(now: 0)
        let copy = try open(directory.copyStore(to: "crashed"))
        #expect(copy.recovery.turnsReplayed == 2)
        #expect(try copy.all(.ready).keys.sorted() == (1...20).filter { $0 != 7 })
    }

    @Test func `the oldest go to LMDB when room is needed`() throws {
        let store = try open()
        for first in stride(from: UInt64(1), to: 1_000, by: 50) {
            try put(first...(first + 49), store)
        }
        let there = try rowsInLMDB(store)
        #expect(there > 800 && there < 1_000)
        #expect(try store.turn { try $0.ids(.ready, from: Key()) } == Array(1...1_000))
    }

    @Test func `a row that is put among them, or is long, is in LMDB with all before it`() throws {
        let store = try open()
        try put(1...9, store)
        try store.turn { rows in
            try rows.put(.ready, 12, "twelve")
            try rows.put(.ready, 13, "thirteen", ascending: true)
            try rows.put(.ready, 10, "ten", ascending: true)
            try rows.put(.ready, 5, "a longer row than was there")
            try rows.put(.ready, 13, "13")
        }
        #expect(try rowsInLMDB(store) == 11)
        try store.turn { rows in
            try rows.put(.ready, 14, String(repeating: "x", count: 600), ascending: true)
            #expect(try rows.text(.ready, 13) == "13")
            #expect(try rows.text(.ready, 5) == "a longer row than was there")
        }
        #expect(try rowsInLMDB(store) == 13)
        let ids: [UInt64] = Array(1...10) + [12, 13, 14]
        #expect(try store.turn { try $0.ids(.ready, from: Key()) } == ids)
        #expect(
            try store.turn { try $0.ids(.ready, from: .last, reverse: true) } == ids.reversed())
    }

    @Test func `the newest are kept back, however many are in LMDB`() throws {
        let store = try open()
        try put(1...1_000, store)
        try store.checkpoint(now: 1)
        try put(1_001...1_010, store)
        #expect(try rowsInLMDB(store) == 1_000)
        try store.turn { try $0.clear(.ready, from: .id(1), to: .id(1_009)) }
        #expect(try store.turn { try $0.ids(.ready, from: Key()) } == [1_009, 1_010])
    }

    /// They cost LMDB no pages: a checkpoint would write nothing of them.
    @Test func `rows that come and go make no checkpoint due`() throws {
        let store = try open(recentBytes: 64 << 10, segmentBytes: 64 << 20, mutations: 1_000)
        func come(_ ids: ClosedRange<UInt64>, keeping kept: UInt64) throws {
            for id in ids {
                try store.turn { rows in
                    let text = String(repeating: "x", count: 5_000)
                    try rows.put(.ready, id, text, ascending: true)
                    if id > kept { _ = try rows.delete(.ready, .id(id - kept)) }
                }
                try store.commit(now: 0)
            }
        }
        try come(1...2_000, keeping: 3)
        #expect(!store.checkpointDue(now: 0))
        #expect(try rowsInLMDB(store) == 0)
        try come(2_001...4_000, keeping: 4_000)
        #expect(store.checkpointDue(now: 0))
    }

    /// Seeds that once found something, and a new one each time. A failure names its seed.
    @Test(arguments: [1, 2, 3, 4, 5, UInt64.random(in: .min ... .max)])
    func `a brief table does what a dictionary does, through crashes and restarts`(
        seed: UInt64
    ) throws {
        var random = SplitMix(seed: seed)
        var path = directory.store
        let sizes = [4_096, 8_192, 65_536]
        var store = try open(path)
        var model: [UInt64: String] = [:]
        var next: UInt64 = 1
        for step in 0..<400 {
            let note = Comment(rawValue: "seed \(seed) step \(step)")
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<88:
                try store.turn { try change($0, &model, &next, &random, note) }
                try store.commit(now: 0)
            case 88..<94:
                try store.checkpoint(now: UInt64(step))
                #expect(try store.snapshot { try $0.all(.ready) } == model, note)
            case 94..<97:
                try store.close(now: UInt64(step))
                store = try open(path, recentBytes: sizes.randomElement(using: &random) ?? 4_096)
            default:
                path = "\(directory.path)/crash-\(step)"
                try directory.copy(store.configuration.directory, to: path)
                store = try open(path, recentBytes: sizes.randomElement(using: &random) ?? 4_096)
            }
            #expect(try store.all(.ready) == model, note)
        }
    }

    private func change(
        _ rows: borrowing Transaction, _ model: inout [UInt64: String], _ next: inout UInt64,
        _ random: inout SplitMix, _ note: Comment
    ) throws {
        func text() -> String {
            String(repeating: "x", count: Int.random(in: 0...150, using: &random))
        }
        func known() -> UInt64 { UInt64.random(in: (next - min(next, 60))...next, using: &random) }
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<5:
            for _ in 0..<Int.random(in: 1...30, using: &random) {
                next += UInt64.random(in: 1...2, using: &random)
                model[next] = text()
                try rows.put(.ready, next, model[next] ?? "", ascending: true)
            }
        case 5:
            let id = known()
            model[id] = text()
            try rows.put(.ready, id, model[id] ?? "", ascending: Bool.random(using: &random))
        case 6:
            let id = known()
            #expect(try rows.delete(.ready, .id(id)) == (model.removeValue(forKey: id) != nil))
        case 7:
            let (one, other) = (known(), known())
            let (from, to) = (min(one, other), max(one, other))
            let every = UInt64.random(in: 1...4, using: &random)
            try rows.sweep(.ready, from: .id(from), to: .id(to)) { key, _ in
                try key.u64() % every == 0 ? .keep : .remove
            }
            model = model.filter { !(from..<to).contains($0.key) || $0.key % every == 0 }
        case 8:
            let end = known()
            try rows.clear(.ready, from: Key(), to: .id(end))
            model = model.filter { $0.key >= end }
        default:
            try look(rows, model, from: known(), note)
        }
    }

    private func look(
        _ rows: borrowing Transaction, _ model: [UInt64: String], from id: UInt64, _ note: Comment
    ) throws {
        let ids = model.keys.sorted()
        #expect(try rows.text(.ready, id) == model[id], note)
        #expect(try rows.ids(.ready, from: .id(id)) == ids.filter { $0 >= id }, note)
        #expect(
            try rows.ids(.ready, from: .id(id), reverse: true)
                == ids.filter { $0 <= id }.reversed(), note)
        let after = try rows.first(.ready, atOrAfter: .id(id)) { key, _ in try key.u64() }
        #expect(after == ids.first { $0 >= id }, note)
        let before = try rows.last(.ready, atOrBefore: .id(id)) { key, _ in try key.u64() }
        #expect(before == ids.last { $0 <= id }, note)
        let longer = try rows.first(.ready, atOrAfter: Key.id(id).adding(u8: 0)) { key, _ in
            try key.u64()
        }
        #expect(longer == ids.first { $0 > id }, note)
    }
}
