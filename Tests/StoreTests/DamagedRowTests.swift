import Store
import TestSupport
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct DamagedRowTests {
    private let directory: TestDirectory

    init() throws {
        directory = try TestDirectory()
    }

    /// Flips one bit of a row at rest, in a table of three.
    private func storeWithDamagedRow(_ table: Table) throws -> Store {
        let store = try Store.open(.small(directory.store))
        try store.turn { rows in
            try rows.put(table, 1, "first")
            try rows.put(table, 2, "the damaged one")
            try rows.put(table, 3, "third")
        }
        try store.commit(now: 0)
        try store.close(now: 0)
        var data = try [UInt8](file: directory.file("data.mdb"))
        let row = Array("the damaged one".utf8)
        let places = data.indices.dropLast(row.count).filter {
            data[$0] == row[0] && data[$0..<$0 + row.count].elementsEqual(row)
        }
        #expect(places.count == 1)
        for place in places { data[place + 3] ^= 0x10 }
        try data.write(to: directory.file("data.mdb"))
        return try Store.open(.small(directory.store))
    }

    @Test(arguments: Table.all)
    func `a damaged row is refused by every read, and its neighbours are read`(_ table: Table)
        throws
    {
        let store = try storeWithDamagedRow(table)
        let damaged = StoreError.Code.damaged(table: table, key: [0, 0, 0, 0, 0, 0, 0, 2])
        #expect(try storeError { _ = try store.text(table, 2) } == damaged)
        #expect(try storeError { _ = try store.all(table) } == damaged)
        #expect(try storeError { _ = try store.snapshot { try $0.text(table, 2) } } == damaged)
        let nearest = try storeError {
            try store.turn { _ = try $0.first(table, atOrAfter: .id(2)) { _, _ in true } }
        }
        #expect(nearest == damaged)
        #expect(try store.text(table, 1) == "first")
        #expect(try store.text(table, 3) == "third")
    }

    @Test func `a damaged row is set aside`() throws {
        let store = try storeWithDamagedRow(.jobs)
        let raw = try store.turn { try $0.raw(.jobs, .id(2)) }
        #expect(raw?.count == "the damaged one".utf8.count + 4)
        #expect(try store.delete(.jobs, 2))
        #expect(try store.all(.jobs) == [1: "first", 3: "third"])
    }

    @Test func `the same bytes under another key or in another table are damage`() throws {
        let store = try Store.open(.small(directory.store))
        try store.turn { rows throws in
            for table in Table.all { try rows.put(table, 1, "same") }
            try rows.put(.jobs, 2, "same")
            let stored = [
                try rows.raw(.jobs, .id(1)), try rows.raw(.jobs, .id(2)),
                try rows.raw(.ready, .id(1)),
            ]
            #expect(Set(stored).count == 3)
        }
    }
}
