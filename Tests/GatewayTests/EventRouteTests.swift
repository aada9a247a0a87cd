import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

@testable import Gateway

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct EventRouteTests {
    private let server = FakeJobServer()

    private static func event(_ offset: UInt64, missed: Int = 0) -> JobEvents.Event {
        var event = JobEvents.Event(
            JobEvent(
                offset: offset, at: 1_700_000_000_000, id: JobID(rawValue: 7), state: .dead,
                kind: .dead, attempt: 3, queue: "images", type: "thumbnail"))
        event.missed = missed
        return event
    }

    /// The body of a response that is sent in chunks.
    private static func text(_ answer: HTTPAnswer) -> [Substring] {
        answer.body.split(separator: "\r\n").enumerated().filter { $0.offset % 2 == 1 }
            .flatMap { $0.element.split(separator: "\n\n") }
    }

    @Test func `events come with their offset and their kind, and what was missed before them`()
        async throws
    {
        server.events.put(Self.event(5))
        server.events.put(Self.event(9, missed: 3))
        server.events.close()
        try await withHTTP(server) { [server] http in
            let answer = try await HTTPAnswer.to(
                "GET", "/v1/events?queue=images&state=dead&progress=true", at: http,
                headers: ["Last-Event-ID": "4"])
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "text/event-stream")
            let parts = Self.text(answer)
            try #require(parts.count == 5)
            #expect(parts[0] == ": martlet")
            #expect(parts[1] == "id: 4")
            #expect(parts[2].hasPrefix("id: 5\nevent: dead\ndata: {\"offset\":\"5\","))
            #expect(parts[3] == "event: missed\ndata: {\"missed\":3}")
            #expect(parts[4].hasPrefix("id: 9\nevent: dead\ndata: {"))
            let watch = try #require(await server.watches.first)
            #expect(watch.after == 4)
            #expect(
                watch.filter
                    == EventFilter(queue: "images", states: [.dead], includesProgress: true))
        }
    }

    @Test
    func
        `a stream in which nothing happens shows that it lives, for longer than a response may take`()
        async throws
    {
        var limits = GatewayLimits()
        limits.httpEventBeat = .milliseconds(120)
        limits.httpTransferTime = .milliseconds(500)
        await server.add(.sample(.running))
        try await withHTTP(server, limits: limits) { [server] http in
            let client = try await TextClient.connect(
                to: http,
                sending: "GET /v1/jobs/000000000007/events HTTP/1.1\r\nHost: t\r\n\r\n")
            let beats = await client.text {
                $0.split(separator: "\r\n").count { $0 == ":\n\n" } > 5
            }
            #expect(beats?.contains("text/event-stream") == true)
            server.events.put(Self.event(1))
            #expect(await client.text { $0.contains("event: dead") } != nil)
            #expect(await server.watches.first?.filter.job?.description == "000000000007")
            try await client.close()
        }
    }

    @Test func `a finished job has no events to wait for`() async throws {
        await server.add(.sample(.dead))
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to(
                "GET", "/v1/jobs/000000000007/events", at: http)
            #expect(answer.status == 204)
            let unknown = try await HTTPAnswer.to(
                "GET", "/v1/jobs/000000000008/events", at: http)
            #expect(unknown.status == 404)
        }
    }

    @Test(arguments: ["", "?after=0"])
    func `a stream that begins now says where that is`(query: String) async throws {
        server.events.close()
        try await withHTTP(server) { [server] http in
            let answer = try await HTTPAnswer.to("GET", "/v1/events\(query)", at: http)
            #expect(Self.text(answer) == [": martlet", "id: 4"])
            #expect(await server.watches.first?.after == 4)
        }
    }

    @Test func `whoever comes back to a job that finished meanwhile is told how it ended`()
        async throws
    {
        await server.add(.sample(.dead))
        server.events.put(Self.event(9))
        server.events.close()
        try await withHTTP(server) { http in
            let path = "/v1/jobs/000000000007/events"
            let headers = ["Last-Event-ID": "8"]
            let answer = try await HTTPAnswer.to("GET", path, at: http, headers: headers)
            #expect(answer.status == 200)
            #expect(answer.body.hasPrefix("id: 9\nevent: dead\n"))
            let again = try await HTTPAnswer.to("GET", path, at: http, headers: headers)
            #expect(again.status == 204)
        }
    }

    @Test(arguments: ["after=x", "after=-1", "after=18446744073709551616", "state=gone", "queue=-"])
    func `what is not understood is refused before the stream begins`(query: String) async throws {
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to("GET", "/v1/events?\(query)", at: http)
            #expect(answer.status == 400)
            #expect(answer.headers["content-type"] == "application/problem+json")
        }
    }
}
