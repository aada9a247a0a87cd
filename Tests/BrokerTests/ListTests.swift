import Broker
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

    @Test func `another list is a tenth of a second behind at most`() async throws {
        let clock = BrokerClock.stopped()
        try await BrokerHarness.run({ $0.clock = clock }) { broker in
            let client = try await broker.connect()
            let ids = try await client.submitAll(Submit("q", ["a", "b"]))
            clock.skip(milliseconds: 100)
            let found = try await client.request(List(limit: 10), expecting: JobPage.self)
            #expect(found.jobs.map(\.id) == ids.reversed())
            _ = try await client.submitAll(Submit("q", ["c"]))
            clock.skip(milliseconds: 99)
            let earlier = try await client.request(List(limit: 10), expecting: JobPage.self)
            #expect(earlier.jobs.map(\.id) == ids.reversed())
            #expect(earlier.asOf == found.asOf)
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

    @Test func `jobs are found by the worker that runs them`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let ids = try await client.submitAll(Submit("q", ["a", "b", "c"]))
            var workers: [WireConnection] = []
            for (index, process) in [7, 8, 8].enumerated() {
                let inbox = PushInbox()
                let hello = Hello(client: "test/1", host: "web-1", processID: UInt32(process))
                let worker = try await BrokerHarness.connect(
                    to: broker.endpoint, hello: hello, inbox: inbox)
                try await worker.subscribe("q", credit: 1)
                #expect(await inbox.jobs(1)[0].delivery.fields.id == ids[index])
                workers.append(worker)
            }
            let at8 = List(limit: 10, filter: JobFilter(worker: "web-1/8"))
            let found = try await page(at8, client)
            #expect(found.jobs.map(\.id) == [ids[2], ids[1]])
            #expect(found.jobs.map(\.worker) == ["web-1/8", "web-1/8"])
            let session = await workers[1].welcome.session
            let both = List(limit: 10, filter: JobFilter(session: session, worker: "web-1/8"))
            #expect(try await page(both, client).jobs.map(\.id) == [ids[1]])
            let nobody = List(limit: 10, filter: JobFilter(worker: "web-1"))
            #expect(try await page(nobody, client).jobs.isEmpty)
            let begun = try await client.request(
                ActAll(.cancel, filter: JobFilter(worker: "web-1/7")), expecting: ActionInfo.self)
            let ended = try await client.request(
                ActionGet(action: begun.id, waitMilliseconds: 10_000), expecting: ActionInfo.self)
            #expect(ended.changed == 1)
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
