import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct ListTests {
    private func page(_ list: List, _ client: WireConnection) async throws -> JobPage {
        var list = list
        list.isFresh = true
        return try await client.request(list, expecting: JobPage.self)
    }

    @Test func `a fresh list holds what was submitted before it`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            for round in 1...20 {
                let id = try await client.submitAll(Submit("q", ["x"]))[0]
                let found = try await page(List(limit: 500), client)
                #expect(found.jobs.first?.id == id, "round \(round)")
                #expect(found.jobs.count == round)
            }
        }
    }

    @Test func `each filter finds what it names`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let tags = try JobTags(["blue"])
            let plain = try await client.submitAll(Submit("q", ["a"], type: "mail"))[0]
            let tagged = try await client.submitAll(
                Submit("q", ["b"], type: "sms", options: .with { $0.tags = tags }))[0]
            let keyed = try await client.submitAll(
                Submit(
                    "r", ["c"], type: "sms",
                    options: .with { $0.unique = UniqueKey("k", scope: .active) }))[0]
            _ = try await client.act(.cancel, [plain])
            let lists: [(List, [JobID])] = [
                (List(queue: "r", limit: 10), [keyed]),
                (List(states: JobStates(.cancelled), limit: 10), [plain]),
                (List(limit: 10, filter: JobFilter(type: "sms")), [keyed, tagged]),
                (List(limit: 10, filter: JobFilter(tag: "blue")), [tagged]),
                (List(limit: 10, filter: JobFilter(unique: "k")), [keyed]),
                (
                    List(
                        limit: 10,
                        filter: JobFilter(ids: tagged.rawValue...keyed.rawValue)),
                    [keyed, tagged]
                ),
                (List(limit: 10, filter: JobFilter(until: 1)), []),
                (List(queue: "none", limit: 10), []),
                (List(order: .oldestFirst, limit: 10), [plain, tagged, keyed]),
            ]
            for (list, wanted) in lists {
                #expect(try await page(list, client).jobs.map(\.id) == wanted, "\(list)")
            }
        }
    }

    @Test func `pages are walked to the end, and counted without their jobs`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let ids = try await client.submitAll(Submit("q", (0..<100).map { "\($0)" }))
            var found: [JobID] = []
            var list = List(queue: "q", limit: 30)
            repeat {
                let page = try await page(list, client)
                found += page.jobs.map(\.id)
                list.cursor = page.cursor
            } while !list.cursor.isEmpty
            #expect(found == ids.reversed())
            let count = try await page(List(queue: "q", limit: 1, isCount: true), client)
            #expect(count.matched == 100)
            #expect(count.jobs.isEmpty)
        }
    }

    @Test func `cursors that are not the server's are refused`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let cursor = Array("nonsense!".utf8)
            #expect(
                await client.refusal(List(limit: 1, cursor: cursor), expecting: JobPage.self)
                    == .cursorInvalid)
            #expect(
                await client.refusal(Groups(cursor: cursor), expecting: GroupPage.self)
                    == .cursorInvalid)
            #expect(
                await client.refusal(Queues(cursor: cursor), expecting: QueuePage.self)
                    == .cursorInvalid)
        }
    }
}
