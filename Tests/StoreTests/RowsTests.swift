import Store
import Testing

struct RowsTests {
    private let directory: TestDirectory

    init() throws {
        directory = try TestDirectory()
    }

    @Test func `a row that was put is read back`() throws {
        let store = try Store.open(.small(directory.store))
        try store.turn { rows in
            try rows.put(.jobs, 7, "seven")
            #expect(try rows.text(.jobs, 7) == "seven")
            #expect(try rows.text(.jobs, 8) == nil)
            #expect(try rows.text(.ready, 7) == nil)
        }
    }

    @Test func `a committed row survives reopening`() throws {
        let store = try Store.open(.small(directory.store))
        try store.turn { try $0.put(.jobs, 7, "seven") }
        #expect(try store.commit(now: 5) == 1)
        try directory.copyStore(to: "crashed")
        let reopened = try Store.open(.small(directory.path + "/crashed"))
        #expect(reopened.recovery.turnsReplayed == 1)
        #expect(try reopened.text(.jobs, 7) == "seven")
    }
}
