import Store
import TestSupport
import Testing

/// Neighbouring rows removed in one go.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct SweepTests {
    private let directory: TestDirectory

    init() throws {
        directory = try TestDirectory()
    }

    /// A store with rows 1 … `count`, long enough that they fill many pages.
    private func store(_ count: UInt64) throws -> Store {
        let store = try Store.open(.small(directory.store, segmentBytes: 4 << 20))
        try store.turn { rows throws in
            for id in 1...count { try rows.put(.jobs, id, text(id)) }
        }
        try store.commit(now: 0)
        return store
    }

    private func text(_ id: UInt64) -> String {
        String(repeating: "\(id) ", count: 1 + Int(id * 7 % 60))
    }

    @Test func `what is to go goes, and every row in between is visited once`() throws {
        let store = try store(3_000)
        var visited: [UInt64] = []
        try store.turn { rows throws in
            try rows.sweep(.jobs, from: .id(101), to: .id(2_901)) { key, row throws in
                let id = try key.u64()
                visited.append(id)
                #expect(String(decoding: row.rest(), as: UTF8.self) == text(id))
                return id % 3 == 0 ? .keep : .remove
            }
        }
        #expect(visited == Array(101...2_900))
        let left = (UInt64(1)...3_000).filter { !(101...2_900).contains($0) || $0 % 3 == 0 }
        #expect(try store.turn { try $0.ids(.jobs, from: Key()) } == left)
        // The log says the same.
        try store.commit(now: 0)
        let copy = try directory.copyStore(to: "crashed")
        #expect(
            try Store.open(.small(copy, segmentBytes: 4 << 20)).all(.jobs).keys.sorted() == left)
    }

    @Test func `a sweep that stops leaves the row that it stops at`() throws {
        let store = try store(500)
        try store.turn { rows throws in
            try rows.sweep(.jobs, from: Key(), to: .id(.max)) { key, _ throws in
                try key.u64() == 301 ? .stop : .remove
            }
        }
        #expect(try store.turn { try $0.ids(.jobs, from: Key()) } == Array(301...500))
    }

    /// Where rows stay between those that go, here and there and in groups, nothing else may go with them.
    @Test(arguments: [1, 2, 3, 4, 5, 7, 8, 9, 13, 64])
    func `rows that stay are left alone, wherever they are`(every: UInt64) throws {
        let store = try store(1_000)
        var visited: [UInt64] = []
        let stays = { (id: UInt64) in id % every == 0 || (400..<404).contains(id) }
        try store.turn { rows throws in
            try rows.sweep(.jobs, from: Key(), to: .id(.max)) { key, _ throws in
                let id = try key.u64()
                visited.append(id)
                return stays(id) ? .keep : .remove
            }
            #expect(rows.changedRows == visited.filter { !stays($0) }.count)
        }
        #expect(visited == Array(1...1_000))
        #expect(try store.turn { try $0.ids(.jobs, from: Key()) } == visited.filter(stays))
    }

    @Test(arguments: 1...12)
    func `a sweep that fails has removed what was to go until then`(failsAt: UInt64) throws {
        struct Failed: Error {}
        let store = try store(20)
        #expect(throws: Failed.self) {
            try store.turn { rows throws in
                try rows.sweep(.jobs, from: Key(), to: .id(.max)) { key, _ throws in
                    if try key.u64() == failsAt { throw Failed() }
                    return .remove
                }
            }
        }
        #expect(try store.turn { try $0.ids(.jobs, from: Key()) } == Array(failsAt...20))
    }

    @Test func `all rows of a range are cleared, and the others stay`() throws {
        let store = try store(3_000)
        try store.turn { rows throws in
            try rows.clear(.jobs, from: .id(5), to: .id(2_990))
            try rows.clear(.jobs, from: .id(5_000), to: .id(6_000))
            try rows.clear(.ready, from: Key(), to: .id(9))
        }
        #expect(
            try store.turn { try $0.ids(.jobs, from: Key()) } == [1, 2, 3, 4] + (2_990...3_000))
    }

    @Test func `what a turn changes is counted, and begins anew with the next`() throws {
        let store = try store(10)
        try store.turn { rows throws in
            let before = (rows: rows.changedRows, bytes: rows.changedBytes)
            try rows.clear(.jobs, from: .id(1), to: .id(4))
            try rows.put(.jobs, 99, "ninety-nine")
            #expect(rows.changedRows == before.rows + 4)
            #expect(rows.changedBytes > before.bytes + 4 * 8)
        }
        try store.commit(now: 0)
        try store.turn { rows throws in #expect(rows.changedRows == 0) }
    }
}
