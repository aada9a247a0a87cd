import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

@testable import Gateway

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct QueueRouteTests {
    private let server = FakeJobServer()

    @Test func `settings that are changed leave the others, those that are replaced don't`()
        async throws
    {
        let settings =
            #"{"depth_max": 10, "order": null, "defaults": {"max_attempts": 3, "backoff": {"kind": "none"}}}"#
        try await withHTTP(server) { [server] http in
            for method in ["PATCH", "PUT"] {
                let answer = try await HTTPAnswer.to(
                    method, "/v1/queues/images", at: http, body: settings)
                #expect(answer.status == 200)
                #expect(try answer.object["name"] as? String == "images")
            }
            let defaults = JobOptions(maxAttempts: 3, backoff: .immediate)
            #expect(
                await server.settings == [
                    QueueOptions(depthMax: 10, defaults: defaults),
                    QueueOptions(
                        depthMax: 10, bytesMax: 0, order: .firstInFirstOut, defaults: defaults),
                ])
        }
    }

    @Test func `a queue's name may be escaped in a path`() async throws {
        await server.add(QueueInfo(name: "a:b"))
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to("GET", "/v1/queues/a%3Ab", at: http)
            #expect(try answer.object["name"] as? String == "a:b")
        }
    }

    @Test(arguments: [
        "", #"{"depth": 1}"#, #"{"order": "random"}"#, #"{"defaults": {"delay_ms": 1}}"#,
        #"{"defaults": {"backoff": {"kind": "none", "base": 1}}}"#, #"{"depth_max": -1}"#,
    ])
    func `settings that are not understood are refused`(body: String) async throws {
        try await withHTTP(server) { [server] http in
            let answer = try await HTTPAnswer.to("PUT", "/v1/queues/q", at: http, body: body)
            #expect(answer.status == 400)
            #expect(await server.settings.isEmpty)
        }
    }

    @Test func `a queue is paused, resumed, drained and opened again`() async throws {
        try await withHTTP(server) { [server] http in
            for (verb, body) in [
                ("pause", #"{"by": "ann", "reason": "disk"}"#), ("resume", ""), ("drain", ""),
                ("drain", #"{"drain": false}"#),
            ] {
                let answer = try await HTTPAnswer.to(
                    "POST", "/v1/queues/q/\(verb)", at: http, body: body)
                #expect(answer.status == 200)
            }
            #expect(
                await server.requests == [
                    "pause q by ann: disk", "resume q", "drain q true", "drain q false",
                ])
        }
    }

    @Test func `a queue with jobs is deleted only with them`() async throws {
        try await withHTTP(server) { http in
            let refused = try await HTTPAnswer.to("DELETE", "/v1/queues/q", at: http)
            #expect(refused.status == 409)
            #expect(try refused.code == "QUEUE_NOT_EMPTY")
            let done = try await HTTPAnswer.to("DELETE", "/v1/queues/q?with_jobs=true", at: http)
            #expect(done.status == 204)
        }
    }

    @Test func `an unknown queue is not found`() async throws {
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to("GET", "/v1/queues/nothing", at: http)
            #expect(answer.status == 404)
            #expect(try answer.code == "QUEUE_NOT_FOUND")
        }
    }

    @Test func `times have percentiles and their buckets`() async throws {
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to("GET", "/v1/queues/q/times", at: http)
            #expect(answer.status == 200)
            #expect(answer.body.contains(#""wait":{"count":4,"mean_ms":3,"#))
            #expect(answer.body.contains(#""buckets":[0,2,2]"#))
        }
    }
}
