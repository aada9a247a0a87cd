import MartletClient
import MartletWire
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import Gateway

/// Clients that hold on to a connection: with nothing, with half a request, with a response that they do not take.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct SlowHTTPTests {
    private let server = FakeJobServer()
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private func hasty(_ change: (inout GatewayLimits) -> Void) -> GatewayLimits {
        var limits = GatewayLimits()
        limits.lingerTimeout = .milliseconds(10)
        change(&limits)
        return limits
    }

    @Test(arguments: ["Content-Length: 900", "Transfer-Encoding: chunked"])
    func `a body that does not come is refused, and what was kept for it is free`(
        framing: String
    ) async throws {
        let limits = hasty {
            $0.httpTransferTime = .milliseconds(50)
            $0.httpBodiesBytesAll = 1_000
        }
        try await withHTTP(server, limits: limits) { http in
            let answer = try await HTTPAnswer.exchange(
                "POST /v1/queues/q/jobs HTTP/1.1\r\nHost: test\r\n\(framing)\r\n\r\n2\r\nab",
                with: http)
            #expect(answer.status == 408)
            #expect(answer.headers["content-type"] == "application/problem+json")
            #expect(answer.headers["connection"] == "close")
            #expect(answer.body.contains(#""code":"REQUEST_TIMEOUT""#))
            let next = try await HTTPAnswer.to(
                "POST", "/v1/queues/q/jobs", at: http, body: String(repeating: "x", count: 900))
            #expect(next.status == 201)
            #expect(await server.submissions.next()?.payloads.first?.count == 900)
        }
    }

    @Test(arguments: ["", "GET /livez HT"])
    func `a connection without a request is closed`(beginning: String) async throws {
        let limits = hasty { $0.httpIdleTimeout = .milliseconds(50) }
        try await withHTTP(server, limits: limits) { http in
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(to: http).get()
            channel.writeAndFlush(ByteBuffer(string: beginning), promise: nil)
            try await channel.closeFuture.get()
        }
    }

    @Test func `headers above the limit are refused`() async throws {
        try await withHTTP(server) { http in
            let long = String(repeating: "x", count: 20_000)
            let answer = try await HTTPAnswer.to("GET", "/livez", at: http, headers: ["X": long])
            #expect(answer.status == 400)
        }
    }

    @Test(arguments: [
        ("Content-Length: 900", "text/plain", "half"),
        ("Transfer-Encoding: chunked", "text/plain", "4\r\nhalf\r\n"),
        ("Transfer-Encoding: chunked", "application/x-ndjson", "4\r\nhalf\r\n"),
    ])
    func `a body that is cut off makes no job`(
        framing: String, type: String, half: String
    ) async throws {
        try await withHTTP(server) { http in
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(to: http).get()
            try await channel.writeAndFlush(
                ByteBuffer(
                    string: "POST /v1/queues/q/jobs HTTP/1.1\r\nHost: test\r\n"
                        + "Content-Type: \(type)\r\n\(framing)\r\n\r\n\(half)"))
            try await channel.close()
            let whole = try await HTTPAnswer.to(
                "POST", "/v1/queues/q/jobs", at: http, body: "whole")
            #expect(whole.status == 201)
            #expect(await server.submissions.next()?.payloads == ["whole"])
        }
    }

    // MARK: Patience

    @Test func `bytes that trickle in do not buy time enough to go on`() {
        var patience = TransferPatience(limits: GatewayLimits())
        patience.requestBegan()
        var now = start
        var seconds = 0
        while case .none = patience.expired(now: now), seconds < 100 {
            patience.readAsked(now: now)
            now = now + .seconds(1)
            if case .none = patience.expired(now: now) { patience.bodyCame(1, now: now) }
            seconds += 1
        }
        #expect(seconds == 20 || seconds == 21)
        #expect(patience.expired(now: now) == .request)
    }

    @Test func `a slow network that keeps the least rate is served to the end`() {
        var patience = TransferPatience(limits: GatewayLimits())
        patience.requestBegan()
        var now = start
        for _ in 0..<1_000 {
            patience.readAsked(now: now)
            now = now + .seconds(1)
            #expect(patience.expired(now: now) == .none)
            patience.bodyCame(64 << 10, now: now)
        }
        patience.requestEnded()
        #expect(patience.deadline == nil)
    }

    @Test func `time in which the gateway itself is busy does not count`() {
        var patience = TransferPatience(limits: GatewayLimits())
        patience.requestBegan()
        #expect(patience.deadline == nil)
        patience.readAsked(now: start + .hours(1))
        #expect(patience.deadline == start + .hours(1) + .seconds(20))
        patience.bodyCame(0, now: start + .hours(1) + .seconds(5))
        #expect(patience.deadline == nil)
        patience.readAsked(now: start + .hours(2))
        #expect(patience.deadline == start + .hours(2) + .seconds(15))
    }

    @Test func `a response that is not taken ends the connection, a long one later`() {
        var patience = TransferPatience(limits: GatewayLimits())
        patience.responseBegan(now: start)
        patience.bodyWritten(640 << 10, now: start)
        #expect(patience.deadline == start + .seconds(30))
        #expect(patience.expired(now: start + .seconds(30)) == .response)
        patience.responseEnded()
        #expect(patience.deadline == nil)
    }

    @Test func `a response that waits for the gateway may wait for long`() {
        var patience = TransferPatience(limits: GatewayLimits())
        patience.responseBegan(now: start)
        patience.bodyWritten(1, now: start)
        patience.bodyWritten(1, now: start)
        patience.bodyTaken(now: start + .seconds(1))
        #expect(patience.deadline != nil)
        patience.bodyTaken(now: start + .seconds(2))
        #expect(patience.deadline == nil)
        patience.bodyWritten(1, now: start + .hours(1))
        let deadline = patience.deadline
        #expect(deadline.map { $0 > start + .hours(1) + .seconds(17) } == true)
        #expect(deadline.map { $0 <= start + .hours(1) + .seconds(18) + .milliseconds(1) } == true)
    }
}

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct MethodTests {
    private let server = FakeJobServer()

    @Test(arguments: [
        ("DELETE", "/v1/queues/q/jobs", "POST"), ("GET", "/v1/queues/q/jobs", "POST"),
        ("POST", "/v1/queues", "GET, HEAD"),
        ("PUT", "/v1/jobs/0000000k5m2q", "DELETE, GET, HEAD, PATCH"),
        ("POST", "/v1/jobs/0000000k5m2q/result", "GET, HEAD"), ("POST", "/livez", "GET, HEAD"),
        ("TRACE", "/readyz", "GET, HEAD"), ("OPTIONS", "/v1/queues/", "GET, HEAD"),
    ])
    func `a wrong method is refused with those that there are`(
        method: String, path: String, allowed: String
    ) async throws {
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to(method, path, at: http)
            #expect(answer.status == 405)
            #expect(answer.headers["allow"] == allowed)
            #expect(answer.headers["content-type"] == "application/problem+json")
            #expect(answer.body.contains(#""code":"METHOD_NOT_ALLOWED""#))
        }
    }

    @Test func `a path that is not known stays unknown whatever the method`() async throws {
        try await withHTTP(server) { http in
            for method in ["GET", "POST", "PATCH"] {
                let answer = try await HTTPAnswer.to(method, "/v1/nothing", at: http)
                #expect(answer.status == 404)
            }
        }
    }

    @Test func `HEAD is answered like GET, without the body`() async throws {
        try await withHTTP(server) { http in
            let get = try await HTTPAnswer.to("GET", "/v1/queues", at: http)
            let head = try await HTTPAnswer.to("HEAD", "/v1/queues", at: http)
            #expect(head.status == 200)
            #expect(head.body.isEmpty)
            #expect(head.headers["content-type"] == get.headers["content-type"])
        }
    }
}
