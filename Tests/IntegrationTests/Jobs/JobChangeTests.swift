import Testing

extension IntegrationTests {
    @Suite(.timeLimit(.minutes(2)))
    struct JobChangeTests {
        @Test func `a waiting job is cancelled at once, a finished one is a conflict`()
            async throws
        {
            try await withServe { server in
                let id = try await server.submit("q")
                let cancelled = try await server.done(
                    "job", "cancel", id, "--reason", "wrong file")
                #expect(cancelled.text == "\(id)  cancelled\n")
                let job = try await server.done("job", "get", id)
                #expect(job.text.contains("wrong file"), "\(job)")
                let waited = try await server.martlet("job", "wait", id).expect(7)
                #expect(waited.errors.contains("wrong file"), "\(waited)")
                let worker = try server.worker(queue: "q", exec: "cat")
                let done = try await server.submit("q")
                try await server.done("job", "wait", done, "--timeout", "20")
                let refused = try await server.martlet("job", "cancel", done).expect(6)
                #expect(refused.errors.hasPrefix("martlet: "), "\(refused)")
                #expect(refused.errors.contains(done), "\(refused)")
                worker.killAndWait()
            }
        }

        @Test func `a running job's command is ended when the job is cancelled`() async throws {
            try await withServe { server in
                try await withScratch { directory in
                    let stage = try Stage(directory)
                    let worker = try server.worker(
                        queue: "slow=1", exec: "echo $$ > \(directory)/pid; \(stage.script)",
                        "--shell")
                    let id = try await server.submit("slow")
                    try await stage.waitForStart()
                    let told = try await server.done("job", "cancel", id, "--grace", "20s")
                    #expect(told.text == "\(id)  cancelling\n")
                    let ended = try await server.martlet("job", "wait", id, "--timeout", "15")
                    ended.expect(7)
                    #expect(ended.lines == ["\(id)  cancelled"])
                    worker.killAndWait()
                }
            }
        }

        @Test func `a dead job is retried, its counters forgotten unless they are kept`()
            async throws
        {
            try await withServe { server in
                let forgotten = try await server.deadJob("bad", error: "no")
                try await server.done("job", "retry", forgotten)
                var job = try await server.job(forgotten)
                #expect(job["state"] as? String == "ready")
                #expect(job["failures"] as? Int == 0)
                #expect((job["retries"] as? [String: Any])?["state_before"] as? String == "dead")
                try await server.done("job", "cancel", forgotten)
                let kept = try await server.deadJob("bad", error: "no")
                try await server.done("job", "retry", kept, "--keep-counters", "--delay", "1h")
                job = try await server.job(kept)
                #expect(job["state"] as? String == "scheduled")
                #expect(job["failures"] as? Int == 1)
            }
        }

        @Test func `a waiting job is edited`() async throws {
            try await withServe { server in
                let id = try await server.submit("q", "--payload", "old", "--tag", "a")
                try await server.done(
                    "job", "edit", id, "--payload", "new", "--priority", "7", "--tag", "b",
                    "--delay", "1h")
                var job = try await server.job(id)
                #expect(job["priority"] as? Int == 7)
                #expect(job["tags"] as? [String] == ["b"])
                #expect(job["state"] as? String == "scheduled")
                try await server.done("job", "edit", id, "--run-at", "2020-01-01")
                try await server.done("job", "edit", id, "-", input: Array("newer".utf8))
                job = try await server.job(id)
                #expect(job["state"] as? String == "ready")
                let worker = try server.worker(queue: "q", exec: "tr a-z A-Z")
                #expect(try await server.done("job", "result", id, "--wait").text == "NEWER")
                try await server.martlet("job", "edit", id, "--priority", "1").expect(6)
                worker.killAndWait()
            }
        }

        @Test func `an edit takes tags and headers away`() async throws {
            try await withServe { server in
                let id = try await server.submit("q", "--tag", "a", "--header", "n=v")
                try await server.done("job", "edit", id, "--no-tags")
                var job = try await server.job(id)
                #expect(job["tags"] as? [String] == [])
                #expect(job["headers"] as? [String: String] == ["n": "v"])
                try await server.done("job", "edit", id, "--no-headers", "--tag", "b")
                job = try await server.job(id)
                #expect(job["tags"] as? [String] == ["b"])
                #expect(job["headers"] as? [String: String] == [:])
                try await server.martlet("job", "edit", id, "--no-tags", "--tag", "c").expect(64)
            }
        }

        @Test func `only finished jobs are deleted`() async throws {
            try await withServe { server in
                let waiting = try await server.submit("q")
                try await server.martlet("job", "delete", waiting, "--yes").expect(6)
                try await server.martlet("job", "delete", waiting, "--dry-run").expect(6)
                try await server.done("job", "cancel", waiting)
                let foretold = try await server.done("job", "delete", waiting, "--dry-run")
                #expect(foretold.text.contains("would be deleted"))
                let deleted = try await server.done("job", "delete", waiting, "--yes")
                #expect(deleted.text == "\(waiting)  deleted\n")
                try await server.martlet("job", "get", waiting).expect(5)
            }
        }

        @Test func `each job has its own answer`() async throws {
            try await withServe { server in
                let first = try await server.submit("q")
                let last = try await server.submit("q")
                let outcome = try await server.martlet(
                    "job", "cancel", first, "0000000k5m2q", "nonsense", last, "--json")
                outcome.expect(5)
                #expect(try outcome.objects().map { $0["id"] as? String } == [first, last])
                #expect(
                    try outcome.objects().map { $0["state"] as? String } == [
                        "cancelled", "cancelled",
                    ])
                #expect(outcome.errors.split(separator: "\n").count == 2, "\(outcome)")
            }
        }

        @Test(arguments: ["cancel", "retry", "delete", "explain", "logs", "events", "edit"])
        func `a job that is not there is status 5`(verb: String) async throws {
            try await withServe { server in
                for id in ["0000000k5m2q", "m5k2"] {
                    var arguments = ["job", verb, id]
                    if verb == "delete" { arguments.append("--yes") }
                    if verb == "edit" { arguments += ["--priority", "1"] }
                    let outcome = try await Program.run(
                        arguments, environment: ["MARTLET_SERVER": server.address])
                    outcome.expect(5)
                    #expect(outcome.errors.hasPrefix("martlet: no job \(id)."), "\(outcome)")
                    #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome)")
                }
            }
        }
    }
}
