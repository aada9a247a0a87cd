import Foundation
import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

@testable import Gateway

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct JobChangeRouteTests {
    private let server = FakeJobServer()
    private static let job = "/v1/jobs/000000000007"

    @Test func `an edit takes what it says, and answers with the job`() async throws {
        await server.add(.sample(.ready))
        try await withHTTP(server) { [server] http in
            let answer = try await HTTPAnswer.to(
                "PATCH", Self.job, at: http,
                body:
                    #"{"priority": 200, "delay_ms": 90000, "tags": ["a", "b"], "payload": {"n": [1, 2.50]}}"#
            )
            #expect(answer.status == 200)
            #expect(try answer.object["id"] as? String == "000000000007")
            #expect(await server.requests == [#"edit {"n": [1, 2.50]}"#])
            let options = try #require(await server.edits.first)
            #expect(options.priority == 200)
            #expect(options.delay == .seconds(90))
            #expect(options.tags == ["a", "b"])
            #expect(await server.removals == [[]])
        }
    }

    @Test func `an edit takes away what it says is empty`() async throws {
        await server.add(.sample(.ready))
        try await withHTTP(server) { [server] http in
            for body in [#"{"tags": []}"#, #"{"headers": {}}"#, #"{"tags": [], "headers": {}}"#] {
                let answer = try await HTTPAnswer.to("PATCH", Self.job, at: http, body: body)
                #expect(answer.status == 200)
            }
            #expect(await server.removals == [.tags, .headers, [.tags, .headers]])
        }
    }

    @Test(arguments: [
        "", "{}", #"{"queue": "other"}"#, #"{"priority": 256}"#, #"{"priority": "9"}"#,
        #"{"payload_base64": "%"}"#, #"{"payload": 1, "payload_base64": "eA=="}"#,
    ])
    func `an edit that says nothing, or what can't be edited, is refused`(body: String) async throws
    {
        await server.add(.sample(.ready))
        try await withHTTP(server) { [server] http in
            let answer = try await HTTPAnswer.to("PATCH", Self.job, at: http, body: body)
            #expect(answer.status == 400)
            #expect(await server.requests.isEmpty)
        }
    }

    @Test func `a cancelled job that runs is told, and has its grace`() async throws {
        await server.add(.sample(.running))
        try await withHTTP(server) { [server] http in
            let answer = try await HTTPAnswer.to(
                "POST", "\(Self.job)/cancel", at: http,
                body: #"{"reason": "wrong file", "grace_ms": 5000}"#)
            #expect(answer.status == 202)
            let change = JobChange.cancel(reason: "wrong file", grace: .seconds(5))
            #expect(await server.requests == ["\(change)"])
        }
    }

    @Test func `what is finished can't be cancelled`() async throws {
        await server.add(.sample(.completed))
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to("POST", "\(Self.job)/cancel", at: http)
            #expect(answer.status == 409)
            #expect(try answer.code == "JOB_FINISHED")
        }
    }

    @Test func `a retry keeps counters and waits when it is asked to`() async throws {
        await server.add(.sample(.dead))
        try await withHTTP(server) { [server] http in
            let answer = try await HTTPAnswer.to(
                "POST", "\(Self.job)/retry", at: http,
                body: #"{"keep_counters": true, "run_at": "2026-11-21T22:43:40Z"}"#)
            #expect(answer.status == 200)
            let at = Date(timeIntervalSince1970: 1_795_301_020)
            #expect(
                await server.requests == ["\(JobChange.retry(keepingCounters: true, at: at))"])
        }
    }

    @Test func `a deleted job has no content`() async throws {
        await server.add(.sample(.dead))
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to("DELETE", Self.job, at: http)
            #expect(answer.status == 204)
            let unknown = try await HTTPAnswer.to("DELETE", "/v1/jobs/000000000008", at: http)
            #expect(unknown.status == 404)
        }
    }

    @Test(arguments: ["[]", "{\"reason\": 1}", "{\"reason\"", "{} {}", "{\"a\": 1, \"a\": 1}"])
    func `a body that is no object of what is known is refused`(body: String) async throws {
        await server.add(.sample(.running))
        try await withHTTP(server) { [server] http in
            let answer = try await HTTPAnswer.to("POST", "\(Self.job)/cancel", at: http, body: body)
            #expect(answer.status == 400)
            #expect(await server.requests.isEmpty)
        }
    }
}
