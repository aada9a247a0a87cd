import Store
import TestSupport
import Testing

/// When a checkpoint is due for how much it would have to write.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct CheckpointDueTests {
    private let directory: TestDirectory

    init() throws {
        directory = try TestDirectory()
    }

    /// A store with 60,000 rows of many pages, and nothing that waits for a checkpoint.
    private func store() throws -> Store {
        let store = try Store.open(.small(directory.store, segmentBytes: 16 << 20))
        try store.turn { rows throws in
            for id in UInt64(1)...60_000 { try rows.put(.jobs, id, text, ascending: true) }
        }
        try store.commit(now: 0)
        try store.checkpoint(now: 0)
        return store
    }

    private let text = String(repeating: "text ", count: 30)

    /// Changes 2,300 rows, one in every `distance`, and says whether a checkpoint is due before its time.
    private func isDue(_ distance: UInt64, in store: Store) throws -> Bool {
        try store.turn { rows throws in
            for index in 0..<UInt64(2_300) { try rows.put(.jobs, 1 + index * distance, "x") }
        }
        try store.commit(now: 1)
        defer { #expect(throws: Never.self) { try store.checkpoint(now: 1) } }
        return store.checkpointDue(now: 1)
    }

    @Test func `rows here and there make more to write than neighbours`() throws {
        let store = try store()
        #expect(try !isDue(1, in: store))
        #expect(try isDue(26, in: store))
        #expect(try !isDue(1, in: store))
    }

    @Test func `a table has no more pages to write than it has`() throws {
        let store = try Store.open(.small(directory.store, segmentBytes: 16 << 20))
        try store.turn { rows throws in
            for index in 1...3_000 { try rows.put(.jobs, UInt64(index) * 1_000, "x") }
        }
        try store.commit(now: 0)
        #expect(!store.checkpointDue(now: 1))
    }

    @Test func `a checkpoint is due before small turns have filled the log`() throws {
        let store = try Store.open(.small(directory.store))
        var checkpoints = 0
        for id in UInt64(1)...200 {
            try store.turn { try $0.put(.jobs, id, "x") }
            // Nil: there was no room, and the turn waited for a checkpoint.
            let append = try #require(try store.beginCommit(now: 0))
            try store.endCommit(append.write())
            guard store.checkpointDue(now: 0) else { continue }
            checkpoints += 1
            try store.checkpoint(now: 0)
            #expect(!store.checkpointDue(now: 0))
        }
        #expect((10...20).contains(checkpoints), "one for each segment")
    }
}
