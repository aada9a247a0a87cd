import Foundation
import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

@testable import Gateway

/// Jobs that are submitted as JSON objects, and keys that keep them from being submitted twice.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct JobObjectTests {
    private let server = FakeJobServer()

    @Test func `a payload reaches the broker as it is written, and options as they are said`()
        async throws
    {
        let body = """
            {"queue": "images", "type": "mail", "payload": {"n": 1.50, "s": "\\u00e4", "l": [ ] },
             "priority": 200, "delay_ms": 60000, "expires_ms": 90000, "timeout_ms": 5000, "max_crashes": 2,
             "max_interruptions": 9,
             "backoff": {"kind": "exponential", "base_ms": 500, "factor": 1.5, "jitter": "none"},
             "unique": {"key": "k", "scope": "period", "period_ms": 1000, "on_conflict": "reject"},
             "tags": ["a", "b"], "headers": {"traceparent": "00-1"}, "retain_expired_ms": 0, "durability": "memory"}
            """
        try await withHTTP(server) { [server] http in
            let answer = try await HTTPAnswer.to(
                "POST", "/v1/jobs", at: http, headers: ["traceparent": "00-2", "tracestate": "x"],
                body: body)
            #expect(answer.status == 201)
            #expect(try answer.object["state"] as? String == "scheduled")
            let submission = try #require(await server.submissions.next())
            #expect(submission.payloads == [#"{"n": 1.50, "s": "\u00e4", "l": [ ] }"#])
            #expect(submission.destination.queue == "images")
            #expect(submission.destination.type == "mail")
            #expect(submission.destination.durability == .memory)
            let expected = JobOptions(
                priority: 200, delay: .seconds(60), expires: .seconds(90), timeout: .seconds(5),
                maxCrashes: 2, maxInterruptions: 9,
                backoff: .exponential(
                    base: .milliseconds(500), factor: 1.5, cap: .seconds(3_600), jitter: .none),
                unique: .init("k", scope: .period(.seconds(1)), onConflict: .reject),
                tags: ["a", "b"], headers: ["traceparent": "00-1", "tracestate": "x"],
                retainExpired: .zero)
            #expect(submission.destination.options == (try expected.onTheWire()))
        }
    }

    @Test func `a query says the same as an object`() async throws {
        let query =
            "priority=200&backoff=fixed&backoff_base_ms=500&unique=k&unique_scope=waiting&on_conflict=replace"
            + "&tag=a&tag=b&header=one:%20first&header=two:second&run_at=2100-01-01T00:00:00Z"
        try await withHTTP(server) { [server] http in
            let answer = try await HTTPAnswer.to(
                "POST", "/v1/queues/q/jobs?\(query)", at: http, body: "x")
            #expect(try answer.object["state"] as? String == "scheduled")
            let expected = JobOptions(
                priority: 200, runAt: Date(timeIntervalSince1970: 4_102_444_800),
                backoff: .fixed(.milliseconds(500)),
                unique: .init("k", scope: .waiting, onConflict: .replace), tags: ["a", "b"],
                headers: ["one": "first", "two": "second"])
            let destination = try #require(await server.submissions.next()).destination
            #expect(destination.options == (try expected.onTheWire()))
        }
    }

    @Test(arguments: [
        ("{}", "OPTION_INVALID"), (#"{"queue": "q"}"#, "PAYLOAD_EMPTY"), ("x", "BODY_INVALID"),
        (#"{"queue": "q", "payload": }"#, "BODY_INVALID"),
        (#"{"queue": "q", "payload": 01}"#, "BODY_INVALID"),
        (#"{"queue": "q", "payload": [1,]}"#, "BODY_INVALID"),
        (#"{"queue": "q", "payload": "\ud800"}"#, "BODY_INVALID"),
        (#"{"queue": "q", "payload": 1, "payload": 2}"#, "BODY_INVALID"),
        (
            #"{"queue": "q", "payload": 1, "delay_ms": 1, "run_at": "2100-01-01T00:00:00Z"}"#,
            "OPTION_INVALID"
        ),
        (#"{"queue": "q", "payload": 1, "delay_ms": "1s"}"#, "OPTION_INVALID"),
        (#"{"queue": "q", "payload": 1, "unique": {"scope": "active"}}"#, "OPTION_INVALID"),
        (
            #"{"queue": "q", "payload": 1, "unique": {"key": "k", "scope": "period"}}"#,
            "OPTION_INVALID"
        ),
        (#"{"queue": "q", "payload": 1, "tags": ["a b"]}"#, "OPTION_INVALID"),
        (#"{"queue": "q", "payload": 1, "headers": {"a": 1}}"#, "OPTION_INVALID"),
        (#"{"queue": "q", "payload": 1, "wait": 1}"#, "OPTION_INVALID"),
    ])
    func `an object that is not understood is refused`(body: String, code: String) async throws {
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to("POST", "/v1/jobs", at: http, body: body)
            #expect(answer.status == 400)
            #expect(try answer.code == code)
        }
    }

    @Test func `a payload may be deep, but not without end`() async throws {
        try await withHTTP(server) { http in
            for (levels, status) in [(100, 201), (200, 400)] {
                let payload =
                    String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
                let answer = try await HTTPAnswer.to(
                    "POST", "/v1/jobs", at: http, body: #"{"queue": "q", "payload": \#(payload)}"#)
                #expect(answer.status == status)
            }
        }
    }

    // MARK: Many

    @Test func `each line may have a queue of its own`() async throws {
        try await withHTTP(server) { [server] http in
            let answer = try await HTTPAnswer.to(
                "POST", "/v1/jobs", at: http, headers: ["Content-Type": "application/x-ndjson"],
                body: """
                    {"queue": "a", "payload": 1}
                    {"queue": "a", "payload": 2}
                    {"queue": "b", "payload_base64": "eHl6"}
                    {"queue": "b"
                    """)
            #expect(answer.status == 207)
            try #require(answer.lines.count == 4)
            #expect(answer.lines[2].contains(#""queue":"b""#))
            #expect(answer.lines[3].contains("BODY_INVALID"))
            let first = try #require(await server.submissions.next())
            #expect(first.payloads == ["1", "2"])
            #expect(first.destination.queue == "a")
            #expect(try #require(await server.submissions.next()).payloads == ["xyz"])
        }
    }

    @Test func `lines that are accepted all or none go in one frame`() async throws {
        try await withHTTP(server) { [server] http in
            let answer = try await HTTPAnswer.to(
                "POST", "/v1/queues/q/jobs?atomic=true", at: http,
                headers: ["Content-Type": "application/x-ndjson"], body: "1\n2\n3")
            #expect(answer.status == 201)
            let submission = try #require(await server.submissions.next())
            #expect(submission.isAtomic)
            #expect(submission.payloads == ["1", "2", "3"])
        }
    }

    @Test func `when one of all or none is refused, the answer names its line`() async throws {
        try await withHTTP(server) { [server] http in
            let lines = ["Content-Type": "application/x-ndjson"]
            let answer = try await HTTPAnswer.to(
                "POST", "/v1/queues/q/jobs?atomic=true", at: http, headers: lines,
                body: "1\nrefuse me\n3")
            #expect(try answer.code == "PAYLOAD_DAMAGED")
            #expect(try answer.object["line"] as? Int == 2)
            _ = await server.submissions.next()
            let mixed = try await HTTPAnswer.to(
                "POST", "/v1/jobs?atomic=true", at: http, headers: lines,
                body: #"{"queue": "a", "payload": 1}"# + "\n" + #"{"queue": "b", "payload": 1}"#)
            #expect(mixed.status == 400)
            #expect(try mixed.object["line"] as? Int == 2)
            // Nothing was sent of the second.
            _ = try await HTTPAnswer.to("POST", "/v1/queues/q/jobs", at: http, body: "last")
            #expect(await server.submissions.next()?.payloads == ["last"])
        }
    }

    // MARK: Keys

    @Test func `a request with the same Idempotency-Key is answered with the first one's job`()
        async throws
    {
        let holder = JobStatus.ID(JobID(rawValue: 7))
        await server.answer(
            "again",
            with: .success(PushedJob(id: holder, wasDuplicate: true, durability: .disk)))
        try await withHTTP(server) { [server] http in
            let answer = try await HTTPAnswer.to(
                "POST", "/v1/queues/q/jobs", at: http, headers: ["Idempotency-Key": "order-1"],
                body: "again")
            #expect(answer.status == 200)
            #expect(answer.headers["location"] == "/v1/jobs/000000000007")
            #expect(try answer.object["duplicate"] as? Bool == true)
            let unique = try #require(await server.submissions.next()).destination.options.unique
            #expect(
                unique
                    == UniqueKey(
                        "order-1", scope: .period, requiresSamePayload: true,
                        periodMilliseconds: 86_400_000))
        }
    }

    @Test func `another payload with the same key is a mismatch that names the holder`()
        async throws
    {
        await server.answer(
            "other",
            with: .failure(MartletError(.uniqueMismatch, "the key is held", actual: 7)))
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to(
                "POST", "/v1/queues/q/jobs", at: http, headers: ["Idempotency-Key": "order-1"],
                body: "other")
            #expect(answer.status == 422)
            #expect(try answer.code == "UNIQUE_MISMATCH")
            #expect(try answer.object["holder"] as? String == "000000000007")
        }
    }

    @Test func `a job has one unique key`() async throws {
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to(
                "POST", "/v1/queues/q/jobs?unique=k", at: http, headers: ["Idempotency-Key": "k"],
                body: "x")
            #expect(answer.status == 400)
            let lines = try await HTTPAnswer.to(
                "POST", "/v1/queues/q/jobs", at: http,
                headers: ["Idempotency-Key": "k", "Content-Type": "application/x-ndjson"],
                body: "x")
            #expect(lines.status == 400)
        }
    }
}
