import MartletClient
import MartletWire
import NIOCore
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(1)))
struct JobRouteTests {
    private let server = FakeJobServer()
    private static let id = JobID(rawValue: 7).description

    @Test func `a job has all its members, those without a value too`() async throws {
        await server.add(.sample(.running))
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to("GET", "/v1/jobs/\(Self.id)", at: http)
            #expect(answer.status == 200)
            #expect(
                answer.body == """
                    {"id":"000000000007","queue":"images","type":"thumbnail","state":"running","attempts":3,\
                    "max_attempts":20,"failures":1,"crashes":1,"interruptions":0,\
                    "priority":128,"tags":[],"headers":{},"unique":null,"timeout_ms":null,"payload_bytes":5,\
                    "created_at":"2023-11-14T22:13:20.001Z","due_at":null,"started_at":"2023-11-14T22:13:21.000Z",\
                    "finished_at":null,"expires_at":null,"vanishes_at":null,"error":null,"error_class":null,\
                    "error_stack":null,"fingerprint":null,"progress":null,"checkpoint_bytes":null,"log_lines":null,\
                    "cancellation":null,"retries":null,"session":null,"worker":null,"lease_ends_at":null}

                    """)
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
        await server.add(.sample(state, error: "disk \"full\""))
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
            let rest = """
                "retained":0,"cancelled":0,"expired":0,"subscribers":0,"oldest_ready_age_seconds":null,\
                "waiting_bytes":0,\
                "totals":{"submitted":0,"completed":COMPLETED,"died":0,"cancelled":0,"expired":0},\
                "last_minute":{"submitted":0,"completed":0,"failed":0},"paused":null,"draining_since":null,\
                "settings":{"depth_max":null,"bytes_max":null,"order":null,"defaults":null}}
                """
            #expect(
                answer.body == """
                    {"queues":[{"name":"empty","ready":0,"running":0,"scheduled":0,"held":0,"dead":0,"completed":0,\
                    \(rest.replacing("COMPLETED", with: "0")),\
                    {"name":"images","ready":1,"running":2,"scheduled":3,"held":4,"dead":5,"completed":6,\
                    \(rest.replacing("COMPLETED", with: "6"))]}

                    """)
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
