import Foundation
import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

@testable import Gateway

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct JobListRouteTests {
    private let server = FakeJobServer()

    @Test func `a page has its jobs and where to go on`() async throws {
        await server.add(.sample(.dead))
        try await withHTTP(server) { [server] http in
            let answer = try await HTTPAnswer.to("GET", "/v1/jobs?limit=7", at: http)
            #expect(answer.status == 200)
            let page = try answer.object
            #expect((page["jobs"] as? [[String: Any]])?.count == 1)
            #expect(page["count"] as? Int == 1)
            #expect(page["as_of"] as? String == "2023-11-14T22:13:20.000Z")
            #expect(page["next"] as? String == "-_8")
            _ = try await HTTPAnswer.to("GET", "/v1/jobs?cursor=-_8", at: http)
            let lists = await server.lists
            #expect(lists.map(\.limit) == [7, 50])
            #expect(lists.map(\.cursor) == [[], [0xfb, 0xff]])
        }
    }

    @Test func `every filter reaches the broker`() async throws {
        let query =
            "queue=images&state=dead,expired&state=ready&type=mail&tag=a&unique=k&id=0000000k&error=feed"
            + "&worker=000000000000002a&since=2023-11-14T22:13:20Z&until=2023-11-14T22:13:20.500Z"
            + "&order=oldest&count=true&fresh=true"
        try await withHTTP(server) { [server] http in
            let answer = try await HTTPAnswer.to("GET", "/v1/jobs?\(query)", at: http)
            #expect(answer.status == 200)
            let list = try #require(await server.lists.first)
            #expect(list.queue == "images")
            #expect(list.states == [JobStates(.dead), JobStates(.expired), JobStates(.ready)])
            #expect(list.order == .oldestFirst)
            #expect(list.isCount)
            #expect(list.isFresh)
            #expect(list.filter.type == "mail")
            #expect(list.filter.tag == "a")
            #expect(list.filter.unique == "k")
            #expect(list.filter.ids == JobQuery(ids: JobQuery.idPrefix("0000000k")).filter.ids)
            #expect(list.filter.fingerprint == 0xfeed)
            #expect(list.filter.session == 0x2a)
            #expect(list.filter.since == 1_700_000_000_000)
            #expect(list.filter.until == 1_700_000_000_500)
        }
    }

    @Test func `a worker is named by host and process, too`() async throws {
        try await withHTTP(server) { [server] http in
            let answer = try await HTTPAnswer.to("GET", "/v1/jobs?worker=web-1/4711", at: http)
            #expect(answer.status == 200)
            let filter = try #require(await server.lists.first?.filter)
            #expect(filter.worker == "web-1/4711")
            #expect(filter.session == nil)
        }
    }

    @Test(arguments: [
        ("state=done", "OPTION_INVALID"), ("limit=501", "OPTION_INVALID"),
        ("cursor=%C3%A4", "CURSOR_INVALID"), ("since=yesterday", "OPTION_INVALID"),
        ("error=xyz", "OPTION_INVALID"), ("id=u", "OPTION_INVALID"),
        ("queue=-", "QUEUE_NAME_INVALID"), ("type=a&type=b", "OPTION_INVALID"),
        ("tag=\(String(repeating: "x", count: 65))", "OPTION_INVALID"),
    ])
    func `a filter that is not understood is refused`(query: String, code: String) async throws {
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to("GET", "/v1/jobs?\(query)", at: http)
            #expect(answer.status == 400)
            #expect(try answer.code == code)
        }
    }

    @Test func `dead jobs are grouped by what they died of`() async throws {
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to("GET", "/v1/dead/groups?queue=images", at: http)
            #expect(answer.status == 200)
            #expect(answer.body.contains(#""fingerprint":"000000000000feed""#))
            #expect(answer.body.hasSuffix(#""next":null}"# + "\n"))
        }
    }
}
