import Store
import TestSupport
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct ScanTests {
    private let directory: TestDirectory

    init() throws {
        directory = try TestDirectory()
    }

    /// A store with rows 10, 20, … 50.
    private func fiveRows() throws -> Store {
        let store = try Store.open(.small(directory.store))
        try store.turn { rows throws in
            for id: UInt64 in [30, 10, 50, 20, 40] { try rows.put(.jobs, id, "\(id)") }
        }
        return store
    }

    @Test func `a scan begins at its first key and ends before its last`() throws {
        try fiveRows().turn { rows throws in
            #expect(try rows.ids(.jobs, from: Key()) == [10, 20, 30, 40, 50])
            #expect(try rows.ids(.jobs, from: .id(20)) == [20, 30, 40, 50])
            #expect(try rows.ids(.jobs, from: .id(21)) == [30, 40, 50])
            #expect(try rows.ids(.jobs, from: .id(20), to: .id(40)) == [20, 30])
            #expect(try rows.ids(.jobs, from: .id(51)) == [])
            #expect(try rows.ids(.ready, from: Key()) == [])
        }
    }

    @Test func `in reverse the end is below`() throws {
        try fiveRows().turn { rows throws in
            #expect(try rows.ids(.jobs, from: .last, reverse: true) == [50, 40, 30, 20, 10])
            #expect(try rows.ids(.jobs, from: .id(40), reverse: true) == [40, 30, 20, 10])
            #expect(try rows.ids(.jobs, from: .id(39), reverse: true) == [30, 20, 10])
            #expect(try rows.ids(.jobs, from: .id(40), to: .id(20), reverse: true) == [40, 30])
            #expect(try rows.ids(.jobs, from: .id(9), reverse: true) == [])
            #expect(try rows.ids(.jobs, from: Key(), reverse: true) == [])
        }
    }

    @Test func `a scan stops when it is told to`() throws {
        try fiveRows().turn { rows throws in
            var seen: [UInt64] = []
            try rows.scan(.jobs, from: Key()) { key, _ throws in
                seen.append(try key.u64())
                return seen.count == 2 ? .stop : .next
            }
            #expect(seen == [10, 20])
        }
    }

    @Test(arguments: [
        Nearest(key: 10, first: 10, last: 10), Nearest(key: 11, first: 20, last: 10),
        Nearest(key: 50, first: 50, last: 50), Nearest(key: 9, first: 10, last: nil),
        Nearest(key: 51, first: nil, last: 50),
    ])
    func `the nearest row on either side is found`(_ nearest: Nearest) throws {
        try fiveRows().turn { rows throws in
            let after = try rows.first(.jobs, atOrAfter: .id(nearest.key)) { key, _ in try key.u64()
            }
            let before = try rows.last(.jobs, atOrBefore: .id(nearest.key)) { key, _ throws in
                try key.u64()
            }
            #expect(after == nearest.first)
            #expect(before == nearest.last)
        }
    }

    struct Nearest {
        var key: UInt64
        var first: UInt64?
        var last: UInt64?
    }

    @Test func `an empty table has no nearest row`() throws {
        try fiveRows().turn { rows throws in
            #expect(try rows.first(.ready, atOrAfter: Key()) { _, _ in true } == nil)
            #expect(try rows.last(.ready, atOrBefore: .last) { _, _ in true } == nil)
        }
    }

    @Test func `a key that was scanned names its row`() throws {
        try fiveRows().turn { rows throws in
            let whole = try rows.first(.jobs, atOrAfter: .id(21)) { key, _ throws in
                #expect(try key.u32() == 0)
                #expect(key.remaining.count == 4)
                return key.whole
            }
            #expect(whole == .id(30))
        }
    }
}
