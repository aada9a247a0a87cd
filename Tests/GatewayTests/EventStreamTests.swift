import Gateway
import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

/// Server-sent events of a real broker, to somebody whose connection breaks.
/// One of them submits 70,000 jobs.
@Suite(.fewAtATime, .timeLimit(.minutes(3)))
struct EventStreamTests {
    @Test func `a stream that broke before its first event goes on where it began`() async throws {
        try await withBoth { gateway in
            let http = try #require(gateway.http)
            let place = try await Stream.open("/v1/events", at: http).placeAndClose()
            let job = try await submit(at: http)
            let again = try await Stream.open("/v1/events", at: http, after: place)
            let text = try #require(await again.text { $0.contains("event: submitted") })
            #expect(text.contains(#""id":"\#(job)""#))
            #expect(!text.contains("event: missed"))
            try await again.client.close()
        }
    }

    @Test func `whoever comes back misses nothing of what happened meanwhile`() async throws {
        try await withBoth { gateway in
            let http = try #require(gateway.http)
            let stream = try await Stream.open("/v1/events", at: http)
            let first = try await submit(at: http)
            let seen = try #require(
                await stream.text { $0.contains("event: submitted") && $0.hasEvents })
            #expect(seen.contains(first))
            try await stream.client.close()
            let second = try await submit(at: http)
            let third = try await submit(at: http)
            let again = try await Stream.open("/v1/events", at: http, after: seen.lastEventID)
            let text = try #require(
                await again.text { $0.contains(third) && $0.hasEvents })
            #expect(!text.contains(first))
            #expect(text.contains(second))
            #expect(!text.contains("event: missed"))
            try await again.client.close()
        }
    }

    @Test func `whoever comes back too late is told how many events are gone`() async throws {
        try await withBroker { port in
            try await withGateway(
                brokerPort: port, { $0.http = .init(host: "127.0.0.1", port: 0) }
            ) { gateway in
                let http = try #require(gateway.http)
                let path = "/v1/events?state=cancelled"
                let place = try await Stream.open(path, at: http).placeAndClose()
                // As long as somebody watches, events are recorded.
                let other = try await Stream.open("/v1/events?queue=none", at: http)
                let job = try await MartletClient.with(
                    .martlet(host: "127.0.0.1", port: port), logger: .quiet
                ) { martlet in
                    let payloads = Array(repeating: ByteBuffer(string: "x"), count: 1_000)
                    for _ in 0..<70 {
                        _ = try await martlet.push(payloads: payloads, type: "t", queue: "many")
                    }
                    let job = try await martlet.push(payload: "x".utf8, type: "t", queue: "many")
                    try await martlet.cancel(job.id)
                    return job.id
                }
                let late = try await Stream.open(path, at: http, after: place)
                let text = try #require(
                    await late.text { $0.contains("event: cancelled") && $0.hasEvents })
                // 70,001 submissions and a cancellation, of which 65,536 are kept.
                #expect(text.contains("event: missed\ndata: {\"missed\":4466}\n"))
                #expect(text.contains("\"id\":\"\(job)\""))
                try await late.client.close()
                try await other.client.close()
            }
        }
    }

    @Test func `a job that ended while its stream was broken tells how, once`() async throws {
        try await withBoth { gateway in
            let http = try #require(gateway.http)
            let job = try await submit(at: http)
            let path = "/v1/jobs/\(job)/events"
            let place = try await Stream.open(path, at: http).placeAndClose()
            let ended = try await HTTPAnswer.to("POST", "/v1/jobs/\(job)/cancel", at: http)
            #expect(ended.status == 200)
            let told = try await HTTPAnswer.to(
                "GET", path, at: http, headers: ["Last-Event-ID": place])
            #expect(told.status == 200)
            #expect(told.body.contains("event: cancelled\n"))
            let again = try await HTTPAnswer.to(
                "GET", path, at: http, headers: ["Last-Event-ID": told.body.lastEventID])
            #expect(again.status == 204)
        }
    }

    @Test func `a stream above the limit is refused before it begins`() async throws {
        try await withBoth { gateway in
            let http = try #require(gateway.http)
            var streams: [Stream] = []
            for _ in 0..<Limits.watchesMax {
                streams.append(try await Stream.open("/v1/events", at: http))
            }
            // Whoever is told something watches.
            _ = try await submit(at: http)
            for stream in streams {
                _ = await stream.text { $0.contains("event: submitted") }
            }
            let refused = try await HTTPAnswer.to("GET", "/v1/events", at: http)
            #expect(refused.status == 429)
            #expect(try refused.code == "TOO_MANY_WATCHES")
            for stream in streams { try await stream.client.close() }
        }
    }

    /// - Returns: the job's id.
    private func submit(at http: SocketAddress) async throws -> String {
        let answer = try await HTTPAnswer.to("POST", "/v1/queues/q/jobs", at: http, body: "x")
        return try #require(try answer.object["id"] as? String)
    }
}

/// A stream of events as it comes in, after its head and where it begins.
private struct Stream {
    let client: TextClient
    /// What came when it was opened: events, too, if they were there already.
    private let head: String

    static func open(
        _ path: String, at http: SocketAddress, after: String? = nil
    ) async throws -> Stream {
        let header = after.map { "Last-Event-ID: \($0)\r\n" } ?? ""
        let client = try await TextClient.connect(
            to: http, sending: "GET \(path) HTTP/1.1\r\nHost: test\r\n\(header)\r\n")
        let head = try #require(await client.text { $0.contains(": martlet") && $0.hasEvents })
        return Stream(client: client, head: head)
    }

    /// All that came, as soon as `isEnough` says so.
    func text(_ isEnough: @escaping @Sendable (String) -> Bool) async -> String? {
        guard !isEnough(head) else { return head }
        return await client.text { isEnough(head + $0) }.map { head + $0 }
    }

    func placeAndClose() async throws -> String {
        try await client.close()
        return head.lastEventID
    }
}

extension String {
    /// Ends behind a whole event.
    fileprivate var hasEvents: Bool { contains("id: ") && contains("\n\n\r\n") }

    fileprivate var lastEventID: String {
        matches(of: /id: (\d+)\n/).last.map { String($0.1) } ?? ""
    }
}
