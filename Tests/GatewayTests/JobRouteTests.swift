import Foundation
import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

@testable import Gateway

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct JobRouteTests {
    private let server = FakeJobServer()
    private static let id = JobID(rawValue: 7).description

    @Test func `a job has all its members, those without a value too`() async throws {
        await server.add(.sample(.running))
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to("GET", "/v1/jobs/\(Self.id)", at: http)
            #expect(answer.status == 200)
            let job = try answer.object
            #expect(job["id"] as? String == "000000000007")
            #expect(job["state"] as? String == "running")
            #expect(job["created_at"] as? String == "2023-11-14T22:13:20.001Z")
            #expect(job["finished_at"] is NSNull)
            #expect(job["progress"] is NSNull)
            #expect(try OpenAPI.document().members(of: "Job") == Set(job.keys))
        }
    }

    @Test(arguments: [
        ("/v1/jobs/m5k2", 404, "JOB_ID_INVALID"),
        ("/v1/jobs/0000000k5m2q", 404, "JOB_NOT_FOUND"),
        ("/v1/jobs/0000000k5m2q/result", 404, "JOB_NOT_FOUND"),
        ("/v1/jobs/000000000007/result", 409, "JOB_NOT_FINISHED"),
        ("/v1/jobs/000000000007/result?wait=0.01", 409, "JOB_NOT_FINISHED"),
        ("/v1/jobs/000000000007?wait=61", 400, "OPTION_INVALID"),
        ("/v1/jobs/000000000007?wait=soon", 400, "OPTION_INVALID"),
        ("/v1/jobs/000000000007?wiat=1", 400, "OPTION_INVALID"),
        ("/nothing", 404, "NO_SUCH_ROUTE"),
    ])
    func `what can't be shown is a problem`(path: String, status: Int, code: String) async throws {
        await server.add(.sample(.running))
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to("GET", path, at: http)
            #expect(answer.status == status)
            #expect(answer.body.contains(#""code":"\#(code)""#))
        }
    }

    @Test func `a wait that is over shows the job as it is`() async throws {
        await server.add(.sample(.running))
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to("GET", "/v1/jobs/\(Self.id)?wait=0.01", at: http)
            #expect(answer.status == 200)
            #expect(answer.body.contains(#""state":"running""#))
        }
    }

    @Test(arguments: [
        ("plain text", "application/octet-stream"),
        (#" {"a": [1]} "#, "application/json"),
        ("[]", "application/json"),
        ("[1, 2", "application/octet-stream"),
        ("12", "application/octet-stream"),
        ("{\u{0}", "application/octet-stream"),
    ])
    func `a result is sent as it is, as JSON when it looks like it`(
        result: String, type: String
    ) async throws {
        await server.add(.sample(.completed, result: result))
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to("GET", "/v1/jobs/\(Self.id)/result", at: http)
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == type)
            #expect(answer.headers["x-content-type-options"] == "nosniff")
            #expect(answer.body == result)
        }
    }

    @Test func `a job completed without a result has no content`() async throws {
        await server.add(.sample(.completed))
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to(
                "GET", "/v1/jobs/\(Self.id)/result?wait=1", at: http)
            #expect(answer.status == 204)
            #expect(answer.body.isEmpty)
        }
    }

    @Test(arguments: [(JobState.dead, 422), (.cancelled, 410), (.expired, 410)])
    func `a job that ended in failure says why instead of a result`(
        state: JobState, status: Int
    ) async throws {
        var job = JobInfo.sample(state, error: state == .cancelled ? nil : "disk \"full\"")
        if state == .cancelled { job.cancel = .init(requestedAt: 1, reason: "disk \"full\"") }
        await server.add(job)
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to("GET", "/v1/jobs/\(Self.id)/result", at: http)
            #expect(answer.status == status)
            #expect(answer.body.contains(#""code":"JOB_\#("\(state)".uppercased())""#))
            #expect(answer.body.contains(#"disk \"full\""#))
        }
    }

    @Test func `queues have all their counters`() async throws {
        await server.add(QueueInfo(name: "empty"))
        await server.add(
            QueueInfo(
                name: "images", ready: 1, running: 2, scheduled: 3, held: 4, dead: 5, completed: 6))
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to("GET", "/v1/queues", at: http)
            #expect(answer.status == 200)
            let queues = try #require(try answer.object["queues"] as? [[String: Any]])
            #expect(queues.map { $0["name"] as? String } == ["empty", "images"])
            #expect(queues[1]["scheduled"] as? Int == 3)
            #expect(queues[0]["oldest_ready_age_seconds"] is NSNull)
            #expect(try OpenAPI.document().members(of: "Queue") == Set(queues[0].keys))
        }
    }

    // MARK: Conditional requests

    @Test func `a finished job is not sent again to whoever has it`() async throws {
        await server.add(.sample(.completed))
        try await withHTTP(server) { [server] http in
            let path = "/v1/jobs/\(Self.id)"
            let first = try await HTTPAnswer.to("GET", path, at: http)
            let tag = try #require(first.headers["etag"])
            #expect(first.headers["cache-control"] == "no-cache")
            let again = try await HTTPAnswer.to(
                "GET", path, at: http, headers: ["If-None-Match": "\"old\", W/\(tag)"])
            #expect(again.status == 304)
            #expect(again.headers["etag"] == tag)
            #expect(again.body.isEmpty)
            var changed = JobInfo.sample(.completed)
            changed.priority = 3
            await server.add(changed)
            let later = try await HTTPAnswer.to(
                "GET", path, at: http, headers: ["If-None-Match": tag])
            #expect(later.status == 200)
            #expect(later.headers["etag"] != tag)
        }
    }

    @Test func `a job that goes on is sent each time`() async throws {
        await server.add(.sample(.running))
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to(
                "GET", "/v1/jobs/\(Self.id)", at: http, headers: ["If-None-Match": "*"])
            #expect(answer.status == 200)
            #expect(answer.headers["etag"] == nil)
        }
    }

    @Test func `a result is not sent again to whoever has it, until the job has another`()
        async throws
    {
        await server.add(.sample(.completed, result: "one"))
        try await withHTTP(server) { [server] http in
            let path = "/v1/jobs/\(Self.id)/result"
            let tag = try #require(try await HTTPAnswer.to("GET", path, at: http).headers["etag"])
            let again = try await HTTPAnswer.to(
                "GET", path, at: http, headers: ["If-None-Match": tag])
            #expect(again.status == 304)
            await server.add(.sample(.completed, result: "two"))
            let later = try await HTTPAnswer.to(
                "GET", path, at: http, headers: ["If-None-Match": tag])
            #expect(later.status == 200)
            #expect(later.body == "two")
        }
    }

    // MARK: More of a job

    @Test func `an explanation has reasons for programs and sentences for people`() async throws {
        await server.add(.sample(.ready))
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to("GET", "/v1/jobs/\(Self.id)/explain", at: http)
            #expect(answer.status == 200)
            #expect(answer.body.contains(#""reason":"no_subscriber""#))
            #expect(answer.body.contains(#""sentence":"no worker has subscribed to images""#))
        }
    }

    @Test func `a log goes on where it is asked to`() async throws {
        await server.add(.sample(.running))
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to(
                "GET", "/v1/jobs/\(Self.id)/logs?from=12&limit=3", at: http)
            let line =
                #"{"offset":12,"at":"2023-11-14T22:13:20.000Z","attempt":1,"text":"limit 3"}"#
            #expect(answer.body == #"{"lines":[\#(line)],"next":13,"finished":false}"# + "\n")
        }
    }

    @Test func `health is of this process, readiness of its link too`() async throws {
        try await withHTTP(server, isReady: { false }) { http in
            #expect(try await HTTPAnswer.to("GET", "/livez", at: http).status == 200)
            let answer = try await HTTPAnswer.to("GET", "/readyz", at: http)
            #expect(answer.status == 503)
            #expect(answer.headers["retry-after"] == "1")
        }
    }
}
