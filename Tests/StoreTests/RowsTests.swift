import Store
import TestSupport
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct RowsTests {
    private let directory: TestDirectory

    init() throws {
        directory = try TestDirectory()
    }

    @Test func `a row that was put is read back, from its own table only`() throws {
        let store = try Store.open(.small(directory.store))
        try store.turn { rows throws in
            try rows.put(.jobs, 7, "seven")
            #expect(try rows.text(.jobs, 7) == "seven")
            #expect(try rows.text(.jobs, 8) == nil)
            #expect(try rows.contains(.jobs, .id(7)))
            #expect(try !rows.contains(.ready, .id(7)))
        }
    }

    @Test func `fields are read as they were written`() throws {
        let store = try Store.open(.small(directory.store))
        try store.turn { rows throws in
            try rows.put(.jobs, .id(1)) { row in
                row.u8(.max)
                row.u16(.max - 1)
                row.u32(.max - 2)
                row.u64(.max - 3)
                row.string8("żółw")
                #expect(row.count == 15 + 1 + 7)
                row.u8(5)
            }
            let found: Void? = try rows.get(.jobs, .id(1)) { row in
                #expect(try row.u8() == .max)
                #expect(try row.u16() == .max - 1)
                #expect(try row.u32() == .max - 2)
                #expect(try row.u64() == .max - 3)
                #expect(try row.string8() == "żółw")
                #expect(row.remaining == 1)
                try row.skip(1)
                #expect(row.remaining == 0)
            }
            #expect(found != nil)
        }
    }

    @Test func `reading past a row's end is damage, named by table and key`() throws {
        let store = try Store.open(.small(directory.store))
        try store.put(.jobs, 1, "abc")
        let code = try storeError {
            try store.turn { _ = try $0.get(.jobs, .id(1)) { try $0.u32() } }
        }
        #expect(code == .damaged(table: .jobs, key: [0, 0, 0, 0, 0, 0, 0, 1]))
    }

    @Test func `a row larger than the record's buffer is stored whole`() throws {
        let store = try Store.open(.small(directory.store, segmentBytes: 8 << 20))
        let large = String(repeating: "0123456789abcdef", count: 100_000)
        try store.turn { rows throws in
            try rows.put(.jobs, 1, "before")
            try rows.put(.jobs, 2, large)
            try rows.put(.jobs, 3, "behind")
        }
        try store.commit(now: 0)
        let reopened = try Store.open(
            .small(directory.copyStore(to: "crashed"), segmentBytes: 8 << 20))
        #expect(reopened.recovery.turnsReplayed == 1)
        #expect(try reopened.all(.jobs) == [1: "before", 2: large, 3: "behind"])
    }

    @Test func `a put replaces, a delete removes, and both say what was there`() throws {
        let store = try Store.open(.small(directory.store))
        try store.turn { rows throws in
            try rows.put(.jobs, 1, "first")
            try rows.put(.jobs, 1, "second")
            #expect(try rows.text(.jobs, 1) == "second")
            #expect(try rows.delete(.jobs, .id(1)))
            #expect(try !rows.delete(.jobs, .id(1)))
            #expect(try rows.text(.jobs, 1) == nil)
        }
    }

    @Test func `the ascending hint may be wrong`() throws {
        let store = try Store.open(.small(directory.store))
        try store.turn { rows throws in
            for id: UInt64 in [5, 9, 7, 9, 1] { try rows.put(.jobs, id, "\(id)", ascending: true) }
            #expect(try rows.ids(.jobs, from: Key()) == [1, 5, 7, 9])
        }
    }

    @Test func `a put whose closure throws leaves no row and no gap`() throws {
        struct Refused: Error {}
        let store = try Store.open(.small(directory.store))
        try store.turn { rows throws in
            #expect(throws: Refused.self) {
                try rows.put(.jobs, .id(1)) { row in
                    row.u64(1)
                    throw Refused()
                }
            }
            try rows.put(.jobs, 2, "two")
        }
        try store.commit(now: 0)
        let reopened = try Store.open(.small(directory.copyStore(to: "crashed")))
        #expect(try reopened.all(.jobs) == [2: "two"])
    }

    @Test func `several turns share one commit, and one without changes writes nothing`() throws {
        let store = try Store.open(.small(directory.store))
        #expect(try store.commit(now: 0) == 0)
        try store.turn { try $0.put(.jobs, 1, "one") }
        try store.turn { try $0.put(.jobs, 2, "two") }
        #expect(try store.commit(now: 0) == 1)
        #expect(try store.commit(now: 0) == 1)
        #expect(try store.all(.jobs) == [1: "one", 2: "two"])
    }

    @Test func `writing while a row is read ends the process`() async {
        await #expect(processExitsWith: .failure) {
            let directory = try TestDirectory()
            let store = try Store.open(.small(directory.store))
            try store.put(.jobs, 1, "one")
            try store.turn { rows throws in
                _ = try rows.get(.jobs, .id(1)) { _ in try rows.put(.jobs, 2, "two") }
            }
        }
    }
}
