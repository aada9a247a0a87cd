import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

@testable import Gateway

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct SubmissionRouteTests {
    private let server = FakeJobServer()

    @Test func `one job is answered with its id and its place`() async throws {
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to(
                "POST", "/v1/queues/images/jobs?type=thumbnail", at: http, body: "{\"width\": 1}\n")
            #expect(answer.status == 201)
            #expect(answer.headers["location"] == "/v1/jobs/000000000001")
            #expect(answer.headers["content-type"] == "application/json")
            #expect(
                answer.body
                    == #"{"id":"000000000001","queue":"images","type":"thumbnail","state":"ready","#
                    + #""duplicate":false,"durability":"disk"}"# + "\n")
            let submission = try #require(await server.submissions.next())
            #expect(submission.payloads == ["{\"width\": 1}\n"])
            #expect(submission.destination.queue == "images")
            #expect(submission.destination.type == "thumbnail")
            #expect(submission.destination.durability == .disk)
            #expect(submission.destination.options == SubmitOptions())
        }
    }

    @Test func `a job's options come from the query and its type from the header`() async throws {
        let query =
            "durability=memory&max_attempts=3&backoff_base_ms=500&retain_completed_ms=60000&retain_dead_ms=0"
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to(
                "POST", "/v1/queues/q/jobs?\(query)", at: http, headers: ["Martlet-Type": "mail"],
                body: "x")
            #expect(answer.status == 201)
            let destination = try #require(await server.submissions.next()).destination
            #expect(destination.type == "mail")
            #expect(destination.durability == .memory)
            #expect(destination.options.maxAttempts == 3)
            #expect(
                destination.options.backoff
                    == .init(baseMilliseconds: 500, capMilliseconds: 3_600_000))
            #expect(destination.options.retainCompletedMilliseconds == 60_000)
            #expect(destination.options.retainDeadMilliseconds == 0)
        }
    }

    @Test(arguments: [
        ("/v1/queues/-bad/jobs", "x", 400, "QUEUE_NAME_INVALID"),
        ("/v1/queues/q/jobs?type=a%20b", "x", 400, "TYPE_INVALID"),
        ("/v1/queues/q/jobs", "", 400, "PAYLOAD_EMPTY"),
        ("/v1/queues/q/jobs?max_attempts=0", "x", 400, "OPTION_INVALID"),
        ("/v1/queues/q/jobs?max_attempts=many", "x", 400, "OPTION_INVALID"),
        ("/v1/queues/q/jobs?retain_dead_ms=-1", "x", 400, "OPTION_INVALID"),
        ("/v1/queues/q/jobs?durability=paper", "x", 400, "OPTION_INVALID"),
        ("/v1/queues/q/jobs?prioritty=1", "x", 400, "OPTION_INVALID"),
        ("/v1/queues/q/jobs", String(repeating: "x", count: 1_001), 413, "PAYLOAD_TOO_LARGE"),
        ("/v1/queues/q/job", "x", 404, "NO_SUCH_ROUTE"),
    ])
    func `a bad submission is a problem that says what is wrong`(
        path: String, body: String, status: Int, code: String
    ) async throws {
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to("POST", path, at: http, body: body)
            #expect(answer.status == status)
            #expect(answer.headers["content-type"] == "application/problem+json")
            #expect(answer.body.contains(#""code":"\#(code)""#))
            #expect(answer.body.contains(#""type":"urn:martlet:error:\#(code)""#))
            #expect(answer.body.contains(#""status":\#(status)"#))
            #expect(answer.body.contains(#""retryable":false"#))
        }
    }

    @Test func `a payload above the limit is answered with limit and actual`() async throws {
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to(
                "POST", "/v1/queues/q/jobs", at: http, body: String(repeating: "x", count: 1_234))
            #expect(answer.body.contains(#""limit":1000,"actual":1234"#))
            #expect(answer.body.contains("payload is 1,234 bytes, the server's limit is 1,000"))
        }
    }

    @Test func `a payload without a declared length is refused where it exceeds the limit`()
        async throws
    {
        let chunk = String(repeating: "x", count: 600)
        let request =
            "POST /v1/queues/q/jobs HTTP/1.1\r\nHost: test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "258\r\n\(chunk)\r\n258\r\n\(chunk)\r\n0\r\n\r\n"
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.exchange(request, with: http)
            #expect(answer.status == 413)
            #expect(answer.body.contains(#""limit":1000,"actual":1200"#))
        }
    }

    @Test func `each line of NDJSON is a job and has its line in the answer`() async throws {
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to(
                "POST", "/v1/queues/q/jobs", at: http,
                headers: ["Content-Type": "application/x-ndjson; charset=utf-8"],
                body: "{\"a\":1}\r\n\n{\"a\":2}\nlast without newline")
            #expect(answer.status == 201)
            #expect(answer.headers["content-type"] == "application/x-ndjson")
            #expect(answer.lines.count == 3)
            #expect(answer.lines.last?.hasPrefix(#"{"id":"000000000003""#) == true)
            let submission = try #require(await server.submissions.next())
            #expect(submission.payloads == ["{\"a\":1}", "{\"a\":2}", "last without newline"])
        }
    }

    @Test func `a line that is refused does not harm its neighbours`() async throws {
        let long = String(repeating: "x", count: 1_001)
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to(
                "POST", "/v1/queues/q/jobs", at: http,
                headers: ["Content-Type": "application/x-ndjson"],
                body: "one\n\(long)\nrefuse me\ntwo\n")
            #expect(answer.status == 207)
            try #require(answer.lines.count == 4)
            #expect(answer.lines[0].contains("000000000001"))
            #expect(answer.lines[1].contains("PAYLOAD_TOO_LARGE"))
            #expect(answer.lines[2].contains("PAYLOAD_DAMAGED"))
            #expect(answer.lines[3].contains("000000000002"))
        }
    }

    @Test func `NDJSON with more jobs than allowed says which were accepted`() async throws {
        var limits = GatewayLimits()
        limits.httpJobsMax = 2
        try await withHTTP(server, limits: limits) { http in
            let answer = try await HTTPAnswer.to(
                "POST", "/v1/queues/q/jobs", at: http,
                headers: ["Content-Type": "application/x-ndjson"], body: "1\n2\n3\n")
            #expect(answer.status == 207)
            #expect(answer.lines.count == 3)
            #expect(answer.lines.last?.contains("TOO_MANY_JOBS") == true)
            #expect(await server.submissions.next()?.payloads == ["1", "2"])
        }
    }

    @Test func `NDJSON above the limit of a body is refused by its length, or where it exceeds it`()
        async throws
    {
        var limits = GatewayLimits()
        limits.httpBodyBytesMax = 10
        try await withHTTP(server, limits: limits) { http in
            let answer = try await HTTPAnswer.to(
                "POST", "/v1/queues/q/jobs", at: http,
                headers: ["Content-Type": "application/x-ndjson"], body: "12345\n12345\n")
            #expect(answer.status == 413)
            #expect(answer.body.contains(#""code":"BODY_TOO_LARGE""#))
            #expect(answer.body.contains(#""limit":10,"actual":12"#))

            let chunked =
                "POST /v1/queues/q/jobs HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
                + "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "6\r\n12345\n\r\n6\r\n12345\n\r\n0\r\n\r\n"
            let late = try await HTTPAnswer.exchange(chunked, with: http)
            #expect([207, 413].contains(late.status))
            #expect(late.lines.last?.contains("BODY_TOO_LARGE") == true)
        }
    }

    @Test func `a body that finds no memory is told to come back, and finds some later`()
        async throws
    {
        var limits = GatewayLimits()
        limits.httpBodiesBytesAll = 10
        let gate = await server.close()
        try await withHTTP(server, limits: limits) { http in
            async let first = HTTPAnswer.to("POST", "/v1/queues/q/jobs", at: http, body: "12345678")
            #expect(await server.submissions.next()?.payloads == ["12345678"])
            let second = try await HTTPAnswer.to(
                "POST", "/v1/queues/q/jobs", at: http, body: "12345")
            #expect(second.status == 503)
            #expect(second.headers["retry-after"] == "1")
            gate.put(())
            #expect(try await first.status == 201)
            gate.put(())
            let third = try await HTTPAnswer.to(
                "POST", "/v1/queues/q/jobs", at: http, body: "12345")
            #expect(third.status == 201)
        }
    }

    @Test func `a broker that is away is a retryable problem`() async throws {
        await server.fail(with: MartletError(.cannotConnect, "cannot reach it", isRetryable: true))
        try await withHTTP(server) { http in
            for type in ["text/plain", "application/x-ndjson"] {
                let answer = try await HTTPAnswer.to(
                    "POST", "/v1/queues/q/jobs", at: http, headers: ["Content-Type": type],
                    body: "x")
                #expect(answer.status == 503)
                #expect(answer.headers["retry-after"] == "1")
                #expect(answer.body.contains(#""code":"UNAVAILABLE""#))
                #expect(answer.body.contains(#""retryable":true"#))
            }
        }
    }

    @Test func `the token opens everything but the health checks`() async throws {
        try await withHTTP(server, tokens: AccessTokens(["secret", "other"])) { http in
            #expect(try await HTTPAnswer.to("GET", "/livez", at: http).status == 200)
            #expect(try await HTTPAnswer.to("GET", "/v1/queues", at: http).status == 401)
            for (value, status) in [
                ("Bearer secret", 200), ("bearer other", 200), ("Bearer secre", 401),
                ("Bearer secret2", 401), ("Basic secret", 401), ("", 401),
            ] {
                let answer = try await HTTPAnswer.to(
                    "GET", "/v1/queues", at: http, headers: ["Authorization": value])
                #expect(answer.status == status, "\(value)")
                if status == 401 { #expect(answer.headers["www-authenticate"] == "Bearer") }
            }
        }
    }
}
