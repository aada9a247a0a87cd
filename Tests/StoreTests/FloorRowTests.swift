import Store
import TestSupport
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct FloorRowTests {
    private let directory: TestDirectory

    init() throws {
        directory = try TestDirectory()
    }

    @Test func `rows that come and go one by one between two checkpoints take no space`() throws {
        let store = try Store.open(.small(directory.store, segmentBytes: 16 << 20))
        for id in UInt64(1)...2_000 {
            try store.turn { rows throws in
                for table in Table.all { try rows.put(table, id, "text", ascending: true) }
            }
            try store.turn { rows throws in
                for table in Table.all { #expect(try rows.delete(table, .id(id))) }
            }
        }
        try store.commit(now: 0)
        try store.checkpoint(now: 0)
        let bytes = try [UInt8](file: directory.file("data.mdb")).count
        #expect(bytes < 1 << 20, "\(bytes) bytes")
    }

    @Test func `a table without rows has none to be found`() throws {
        let store = try Store.open(.small(directory.store))
        try store.turn { rows throws in
            #expect(try rows.ids(.jobs, from: Key()) == [])
            #expect(try rows.ids(.jobs, from: .last, reverse: true) == [])
            #expect(try rows.ids(.jobs, from: .id(0)) == [])
            #expect(try rows.survey(.jobs) { _, _ in }.isEmpty)
            #expect(try rows.first(.jobs, atOrAfter: Key()) { _, _ in true } == nil)
            #expect(try rows.last(.jobs, atOrBefore: .last) { _, _ in true } == nil)
            #expect(try rows.last(.jobs, atOrBefore: .id(0)) { _, _ in true } == nil)
            try rows.put(.jobs, 0, "zero")
            #expect(try rows.ids(.jobs, from: Key()) == [0])
            #expect(try rows.ids(.jobs, from: .last, reverse: true) == [0])
            try rows.clear(.jobs, from: Key(), to: .last)
            #expect(try rows.ids(.jobs, from: Key()) == [])
        }
    }
}
