import Foundation
import Store
import TestSupport
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct SnapshotTests {
    private let directory: TestDirectory

    init() throws {
        directory = try TestDirectory()
    }

    @Test func `a snapshot sees the last checkpoint only, and says of when`() throws {
        let store = try Store.open(.small(directory.store))
        try store.put(.jobs, 1, "one")
        #expect(try store.snapshot { try $0.all(.jobs) } == [:])
        try store.checkpoint(now: 1_234)
        try store.put(.jobs, 2, "two")
        #expect(try store.snapshot { try $0.all(.jobs) } == [1: "one"])
        #expect(try store.snapshot { $0.asOf } == 1_234)
    }

    @Test func `a snapshot does not change while the writer goes on`() throws {
        let store = try Store.open(.small(directory.store))
        try store.put(.jobs, 1, "one")
        try store.checkpoint(now: 1)
        let seen = try store.snapshot { snapshot in
            try store.put(.jobs, 1, "changed")
            try store.checkpoint(now: 2)
            return try snapshot.text(.jobs, 1)
        }
        #expect(seen == "one")
        #expect(try store.snapshot { try $0.text(.jobs, 1) } == "changed")
    }

    @Test func `snapshots are taken on other threads`() throws {
        let store = try Store.open(.small(directory.store))
        try store.put(.jobs, 1, "one")
        try store.checkpoint(now: 1)
        DispatchQueue.concurrentPerform(iterations: 16) { _ in
            let seen = try? store.snapshot { try $0.text(.jobs, 1) }
            #expect(seen == "one")
        }
    }

    @Test func `a turn on another thread ends the process`() async {
        await #expect(processExitsWith: .failure) {
            let directory = try TestDirectory()
            let store = try Store.open(.small(directory.store))
            let thread = Thread { _ = try? store.commit(now: 0) }
            thread.start()
            while !thread.isFinished { sched_yield() }
        }
    }
}
