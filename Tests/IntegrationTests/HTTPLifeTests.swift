import Foundation
import Testing

extension IntegrationTests {
    /// The life of a job, over HTTP alone.
    @Suite(.timeLimit(.minutes(1)))
    struct HTTPLifeTests {
        @Test func `a request that is sent again is one job, another payload a mismatch`()
            async throws
        {
            try await withServe { server in
                let key = ["Idempotency-Key": "order-1"]
                let path = "/v1/queues/mail/jobs"
                let first = try await server.http("POST", path, headers: key, body: Data("a".utf8))
                #expect(first.status == 201)
                let again = try await server.http("POST", path, headers: key, body: Data("a".utf8))
                #expect(again.status == 200)
                #expect(try again.object["id"] as? String == first.object["id"] as? String)
                let other = try await server.http("POST", path, headers: key, body: Data("b".utf8))
                #expect(other.status == 422)
                #expect(try other.object["holder"] as? String == first.object["id"] as? String)
            }
        }

        @Test func `a job is edited, cancelled, retried and deleted`() async throws {
            try await withServe { server in
                let job = try await server.submit(
                    #"{"queue": "q", "payload": 1, "delay_ms": 3600000}"#)
                let edited = try await server.http(
                    "PATCH", job, body: Data(#"{"priority": 7, "tags": ["late"]}"#.utf8))
                #expect(edited.status == 200)
                #expect(try edited.object["priority"] as? Int == 7)
                #expect(try edited.object["state"] as? String == "scheduled")
                let why = try await server.http("GET", job + "/explain").object
                let reasons = try #require(why["reasons"] as? [[String: Any]])
                #expect(reasons.first?["reason"] as? String == "delayed")
                #expect(try await server.http("DELETE", job).status == 409)
                let cancelled = try await server.http(
                    "POST", job + "/cancel", body: Data(#"{"reason": "not now"}"#.utf8))
                #expect(try cancelled.object["state"] as? String == "cancelled")
                #expect(try await server.http("POST", job + "/cancel").status == 200)
                let retried = try await server.http("POST", job + "/retry")
                #expect(try retried.object["state"] as? String == "ready")
                _ = try await server.http("POST", job + "/cancel")
                #expect(try await server.http("DELETE", job).status == 204)
                #expect(try await server.http("GET", job).status == 404)
            }
        }

        @Test func `a finished job and its result are sent once to whoever keeps them`()
            async throws
        {
            try await withServe { server in
                let worker = try server.worker(queue: "q", exec: "cat")
                let job = try await server.submit(#"{"queue": "q", "payload": {"a": [1]}}"#)
                let result = try await server.http("GET", job + "/result?wait=20")
                #expect(result.body == Data(#"{"a": [1]}"#.utf8))
                #expect(result.type == "application/json")
                for path in [job, job + "/result"] {
                    let tag = try #require(try await server.http("GET", path).tag)
                    let known = try await server.http("GET", path, headers: ["If-None-Match": tag])
                    #expect(known.status == 304)
                    #expect(known.body.isEmpty)
                }
                worker.killAndWait()
            }
        }

        @Test func `jobs are searched, counted and cancelled by a filter`() async throws {
            try await withServe { server in
                for number in 0..<5 {
                    let tag = number < 3 ? "odd" : "even"
                    _ = try await server.submit(
                        #"{"queue": "q", "payload": 1, "tags": ["\#(tag)"]}"#)
                }
                let counted = try await server.http(
                    "POST", "/v1/actions",
                    body: Data(
                        #"{"action": "cancel", "filter": {"tag": "odd"}, "dry_run": true}"#.utf8))
                #expect(try counted.object["count"] as? Int == 3)
                let page = try await server.http("GET", "/v1/jobs?tag=odd&limit=2&fresh=true")
                    .object
                #expect((page["jobs"] as? [Any])?.count == 2)
                let cursor = try #require(page["next"] as? String)
                let rest = try await server.http(
                    "GET", "/v1/jobs?tag=odd&limit=2&cursor=\(cursor)"
                ).object
                #expect((rest["jobs"] as? [Any])?.count == 1)
                let begun = try await server.http(
                    "POST", "/v1/actions",
                    body: Data(
                        #"{"action": "cancel", "filter": {"queue": "q", "tag": "odd"}}"#.utf8))
                #expect(begun.status == 202)
                let action = try #require(try begun.object["action"] as? Int)
                let ended = try await server.http("GET", "/v1/actions/\(action)?wait=20").object
                #expect(ended["state"] as? String == "done")
                #expect(ended["changed"] as? Int == 3)
                let queue = try await server.http("GET", "/v1/queues/q").object
                #expect(queue["cancelled"] as? Int == 3)
                #expect(queue["ready"] as? Int == 2)
            }
        }

        @Test func `a paused queue says so, a drained one takes no jobs`() async throws {
            try await withServe { server in
                let job = try await server.submit(#"{"queue": "q", "payload": 1}"#)
                let paused = try await server.http(
                    "POST", "/v1/queues/q/pause", body: Data(#"{"by": "ann"}"#.utf8))
                #expect((try paused.object["paused"] as? [String: Any])?["by"] as? String == "ann")
                let why = try await server.http("GET", job + "/explain").object
                let reasons = try #require(why["reasons"] as? [[String: Any]])
                #expect(reasons.contains { $0["reason"] as? String == "queue_paused" })
                #expect(try await server.http("POST", "/v1/queues/q/drain").status == 200)
                let refused = try await server.http(
                    "POST", "/v1/queues/q/jobs", body: Data("x".utf8))
                #expect(refused.status == 409)
                #expect(try refused.object["code"] as? String == "QUEUE_DRAINING")
            }
        }
    }
}

extension Server {
    /// Submits a job that is a JSON object.
    ///
    /// - Returns: the job's path.
    fileprivate func submit(_ object: String) async throws -> String {
        let answer = try await http("POST", "/v1/jobs", body: Data(object.utf8))
        guard answer.status == 201, let id = try answer.object["id"] as? String else {
            throw TestFailure("no job was made: \(answer)")
        }
        return "/v1/jobs/\(id)"
    }
}
