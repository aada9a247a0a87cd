import Foundation
import Testing

extension IntegrationTests {
    /// What a command tells through file descriptor 3, and what it is told.
    @Suite(.timeLimit(.minutes(2)))
    struct WorkerControlTests {
        @Test func `progress and log lines come through file descriptor 3`() async throws {
            try await withServe { server in
                try await withScratch { directory in
                    let stage = try Stage(directory)
                    let worker = try server.worker(
                        queue: "q=1",
                        exec:
                            "echo 'progress 0.5 half of it' >&3; echo 'log first line' >&3; echo 'log second line' >&3; \(stage.script)",
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

        @Test func `a checkpoint reaches the next attempt`() async throws {
            try await withServe { server in
                let script = """
                    if [ -s "$MARTLET_CHECKPOINT" ]; then cat "$MARTLET_CHECKPOINT"; \
                    else echo "checkpoint $(printf 'page 17' | base64)" >&3; exit 1; fi
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
