import Foundation
import Testing

extension IntegrationTests {
    /// What a command tells through its control pipe, and what it is told.
    @Suite(.timeLimit(.minutes(2)))
    struct WorkerControlTests {
        @Test func `progress and log lines come through the control pipe`() async throws {
            try await withServe { server in
                try await withScratch { directory in
                    let stage = try Stage(directory)
                    let worker = try server.worker(
                        queue: "q=1",
                        exec:
                            """
                            echo 'progress 0.5 half of it' >&3
                            echo 'log first line' >&3; echo 'log second line' >&3; \(stage.script)
                            """,
                        "--shell")
                    let events = try ChildProcess(
                        ["events", "--follow", "--progress", "--server", server.address])
                    try await events.waitForWatch {
                        _ = try await server.submit("other", "--delay", "1h")
                    }
                    let id = try await server.submit("q")
                    let line = try await blocking {
                        try events.output.line(containing: "half of it")
                    }
                    #expect(line.contains("50%"))
                    try await stage.waitForStart()
                    let job = try await server.job(id)
                    #expect((job["progress"] as? [String: Any])?["done"] as? Double == 0.5)
                    try await stage.letFinish()
                    try await server.done("job", "wait", id, "--timeout", "20")
                    let logs = try await server.done("job", "logs", id, "--json").objects()
                    #expect(logs.map { $0["text"] as? String } == ["first line", "second line"])
                    let second = try await server.done("job", "logs", id, "--cursor", "1")
                    #expect(second.lines.count == 1)
                    #expect(second.text.hasSuffix("  second line\n"))
                    let page = try await server.done("job", "logs", id, "--limit", "1")
                    #expect(page.errors == "more: --cursor 1\n")
                    worker.killAndWait()
                }
            }
        }

        @Test func `a log is followed from its beginning to the end of the job`() async throws {
            try await withServe { server in
                try await withScratch { directory in
                    let stage = try Stage(directory)
                    let worker = try server.worker(
                        queue: "q=1",
                        exec: "echo 'log begun' >&3; \(stage.script); echo 'log done' >&3",
                        "--shell")
                    let id = try await server.submit("q")
                    try await stage.waitForStart()
                    let follower = try ChildProcess(
                        ["job", "logs", id, "--follow", "--server", server.address])
                    _ = try await blocking { try follower.output.line(containing: "begun") }
                    let first = try await server.http(
                        "GET", "/v1/jobs/\(id)/logs?wait=20"
                    ).object
                    #expect(first["next"] as? Int == 1)
                    #expect(first["finished"] as? Bool == false)
                    try await stage.letFinish()
                    let second = try await server.http(
                        "GET", "/v1/jobs/\(id)/logs?from=1&wait=20"
                    ).object
                    #expect(
                        (second["lines"] as? [[String: Any]])?.first?["text"] as? String == "done")
                    try await blocking { follower.waitUntilExit() }
                    #expect(follower.status == 0)
                    let text = String(decoding: follower.output.bytes(), as: UTF8.self)
                    #expect(text.split(separator: "\n").map { $0.suffix(5) } == ["begun", " done"])
                    // A late reader gets what is kept, and need not wait.
                    let late = try await server.done("job", "logs", id, "--follow").lines
                    #expect(late.count == 2)
                    let none = try await server.done(
                        "job", "logs", id, "--follow", "--since", "2099-01-01")
                    #expect(none.text.isEmpty)
                    worker.killAndWait()
                }
            }
        }

        @Test func `a checkpoint reaches the next attempt`() async throws {
            try await withServe { server in
                let script = """
                    if [ -n "$MARTLET_CHECKPOINT" ]; then cat "$MARTLET_CHECKPOINT"; \
                    else echo "checkpoint $(printf 'page 17' | base64)" > "$MARTLET_CONTROL"; exit 1; fi
                    """
                let worker = try server.worker(queue: "q", exec: script, "--shell")
                let result = try await server.done(
                    "submit", "q", "--payload", "x", "--backoff", "none", "--wait",
                    "--wait-timeout", "30s")
                #expect(result.text == "page 17\n")
                worker.killAndWait()
            }
        }
    }
}
