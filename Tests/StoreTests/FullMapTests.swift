import Store
import TestSupport
import Testing

/// The data file's largest size is a limit like the device's.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct FullMapTests {
    private let directory: TestDirectory
    private var configuration: Store.Configuration

    init() throws {
        directory = try TestDirectory()
        configuration = .small(directory.store, segmentBytes: 4 << 20)
        configuration.mapBytes = 4 << 20
        configuration.reserveBytes = 1 << 20
    }

    private func put(
        _ count: UInt64, from first: UInt64, in table: Table, _ store: Store
    ) throws {
        try store.turn { rows in
            for id in first..<first + count {
                try rows.put(table, id, String(repeating: "x", count: 1_000), ascending: true)
            }
        }
        try store.commit(now: 0)
    }

    /// Rows of a brief table are not in the map before a checkpoint.
    @Test(arguments: Table.all)
    func `submissions stop before the map is full`(table: Table) throws {
        let store = try Store.open(configuration)
        var count: UInt64 = 0
        while store.acceptsSubmissions {
            try put(50, from: count + 1, in: table, store)
            try store.checkpoint(now: 0)
            count += 50
            try #require(count < 4_000, "the map never became full")
        }
        #expect(count > 2_000)
        for id in 1...count { try store.delete(table, id) }
        for _ in 0..<3 {
            try store.put(.ready, 1, "a turn, so that there is a checkpoint")
            try store.checkpoint(now: 0)
        }
        #expect(store.acceptsSubmissions)
    }

    @Test(arguments: Table.all)
    func `a full map makes the store fail for good, and loses nothing`(table: Table) throws {
        let store = try Store.open(configuration)
        try put(50, from: 1, in: table, store)
        let failure = try #require(
            try storeError { try put(10_000, from: 51, in: table, store) })
        guard case .unknownOutcome = failure else {
            Issue.record("\(failure)")
            return
        }
        #expect(try storeError { try store.commit(now: 0) } == failure)
        #expect(try storeError { _ = try store.text(.jobs, 1) } == failure)
        var larger = configuration
        larger.directory = try directory.copyStore(to: "larger")
        larger.mapBytes = 64 << 20
        #expect(try Store.open(larger).all(table).keys.sorted() == Array(1...50))
    }
}
