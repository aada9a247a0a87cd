import TestSupport
import Testing

@testable import Engine

/// Lists from snapshots, page by page.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct ListTests {
    /// Every page of a list, and what came on them.
    private func pages(
        _ harness: EngineHarness, limit: Int, oldestFirst: Bool, queue: String? = nil,
        states: [JobState] = [],
        betweenPages: () throws -> Void = {}
    ) throws -> [[UInt64]] {
        var pages: [[UInt64]] = []
        var after: UInt64?
        repeat {
            let page = try harness.list(
                queue: queue, states: states, oldestFirst: oldestFirst, limit: limit, after: after)
            pages.append(page.ids)
            after = page.next
            try betweenPages()
        } while after != nil && pages.count < 100
        return pages
    }

    @Test(arguments: [true, false])
    func `pages hold every job once, in order`(_ oldestFirst: Bool) throws {
        let harness = try EngineHarness()
        try harness.submit(count: 10)
        try harness.checkpoint()
        let all: [UInt64] = oldestFirst ? Array(1...10) : (1...10).reversed()
        #expect(
            try pages(harness, limit: 4, oldestFirst: oldestFirst)
                == [Array(all[..<4]), Array(all[4..<8]), Array(all[8...])])
        #expect(try pages(harness, limit: 5, oldestFirst: oldestFirst).count == 2)
        #expect(try pages(harness, limit: 500, oldestFirst: oldestFirst) == [all])
    }

    @Test func `a list picks by queue, type and state`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit("a", count: 4, type: "x", options: JobOptions(maxAttempts: 1))
        try harness.submit("b", count: 3, type: "y")
        try harness.submit("a", count: 2, type: "y")
        let delivery = try harness.deliver("a", max: 3)
        try harness.settle(1, delivery.token)
        try harness.settle(2, delivery.token, .fail())
        try harness.checkpoint()
        #expect(try harness.list(queue: "a").ids == [9, 8, 4, 3, 2, 1])
        #expect(try harness.list(queue: "none").ids == [])
        #expect(try harness.list(type: "y").ids == [9, 8, 7, 6, 5])
        #expect(try harness.list(queue: "a", type: "y").ids == [9, 8])
        #expect(try harness.list(states: [.running]).ids == [3])
        #expect(try harness.list(states: [.ready]).ids == [9, 8, 7, 6, 5, 4])
        #expect(try harness.list(states: [.completed, .dead], oldestFirst: true).ids == [1, 2])
        #expect(try harness.list(queue: "b").jobs.map(\.queue) == ["b", "b", "b"])
    }

    @Test func `pages go on over a store that changes`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 12, options: JobOptions(retainCompleted: 0))
        try harness.checkpoint()
        let pages = try pages(harness, limit: 3, oldestFirst: true) {
            let delivery = try harness.deliver(max: 2)
            try harness.settle(delivery)
            if harness.engine.nextJobID < 15 { try harness.submit() }
            try harness.checkpoint()
        }
        let seen = pages.flatMap { $0 }
        #expect(seen == seen.sorted())
        #expect(Set(seen).count == seen.count)
        #expect(seen.starts(with: [1, 2, 3]))
        #expect(Set(seen).isSuperset(of: 9...14))
    }

    @Test func `a page looks at a bounded number of rows and says that there is more`() throws {
        let harness = try EngineHarness()
        harness.verifies = false
        try harness.submit(count: 2, type: "rare")
        for _ in 0..<3 { try harness.submit(count: 5_000, type: "common") }
        try harness.submit(count: 1, type: "rare")
        try harness.checkpoint()
        let first = try harness.list(type: "rare")
        #expect(first.ids == [15_003])
        let after = try #require(first.next)
        let second = try harness.list(type: "rare", after: after)
        #expect(second.ids == [2, 1])
        #expect(second.next == nil)
    }

    @Test func `a list says as of when it is true`() throws {
        let harness = try EngineHarness()
        try harness.submit()
        try harness.checkpoint()
        let then = harness.now
        harness.now += 50
        try harness.submit()
        let page = try harness.list()
        #expect(page.ids == [1])
        #expect(page.asOf == then)
    }

    @Test(arguments: [true, false])
    func `a cursor at the end of all ids finds nothing behind it`(_ oldestFirst: Bool) throws {
        let harness = try EngineHarness()
        try harness.submit()
        try harness.checkpoint()
        let end: UInt64 = oldestFirst ? .max : 1
        #expect(try harness.list(oldestFirst: oldestFirst, after: end).ids == [])
        #expect(
            try harness.list(oldestFirst: oldestFirst, after: 0).ids == (oldestFirst ? [1] : []))
    }
}
