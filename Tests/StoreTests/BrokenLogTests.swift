import Glibc
import Store
import TestSupport
import Testing

/// A disk that fails under the log: nobody knows what became of the last turn.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct BrokenLogTests {
    @Test
    func `an append that fails is an unknown outcome, for good, and the log keeps every turn`()
        throws
    {
        let directory = try TestDirectory()
        let store = try Store.open(.small(directory.store))
        for id: UInt64 in 1...3 { try store.put(.jobs, id, "kept") }
        #expect(try BrokenDisk.fail(below: directory.file("log")) == Store.commitsMax)
        let unknown = StoreError.Code.unknownOutcome(errno: EIO)
        #expect(try storeError { try store.put(.jobs, 4, "lost") } == unknown)
        #expect(try storeError { _ = try store.text(.jobs, 1) } == unknown)
        #expect(try storeError { try store.checkpoint(now: 0) } == unknown)
        let next = try Store.open(.small(try directory.copyStore(to: "next")))
        #expect(next.recovery.turnsReplayed == 3)
        #expect(try next.all(.jobs) == [1: "kept", 2: "kept", 3: "kept"])
    }

    @Test func `what was changed while an append failed is lost with it`() throws {
        let directory = try TestDirectory()
        let store = try Store.open(.small(directory.store))
        try store.put(.jobs, 1, "kept")
        try store.turn { rows in try rows.put(.jobs, 2, "lost") }
        #expect(try BrokenDisk.fail(below: directory.file("log")) == Store.commitsMax)
        let append = try #require(try store.beginCommit(now: 0))
        try store.turn { rows in try rows.put(.jobs, 3, "applied meanwhile") }
        let unknown = StoreError.Code.unknownOutcome(errno: EIO)
        #expect(try storeError { try store.endCommit(append.write()) } == unknown)
        #expect(try storeError { try store.commit(now: 0) } == unknown)
        let next = try Store.open(.small(try directory.copyStore(to: "next")))
        #expect(try next.all(.jobs) == [1: "kept"])
    }
}
