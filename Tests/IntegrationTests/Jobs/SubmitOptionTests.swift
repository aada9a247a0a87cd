import Foundation
import Testing

extension IntegrationTests {
    @Suite(.timeLimit(.minutes(2)))
    struct SubmitOptionTests {
        @Test func `a delayed job is scheduled for its time`() async throws {
            try await withServe { server in
                let delayed = try await server.job(try await server.submit("q", "--delay", "2h"))
                #expect(delayed["state"] as? String == "scheduled")
                let timed = try await server.job(
                    try await server.submit("q", "--run-at", "2099-01-02T03:04:05+01:00"))
                #expect(timed["due_at"] as? String == "2099-01-02T02:04:05.000Z")
                let past = try await server.submit("q", "--run-at", "2020-01-01")
                #expect(try await server.state(of: past) == "ready")
                let soon = try await server.submit("soon", "--delay", "200ms")
                let worker = try server.worker(queue: "soon", exec: "cat")
                try await server.done("job", "wait", soon, "--timeout", "20")
                worker.killAndWait()
            }
        }

        @Test func `the highest priority runs first`() async throws {
            try await withServe { server in
                try await withScratch { directory in
                    let ids = [
                        try await server.submit("p", "--payload", "low", "--priority", "1"),
                        try await server.submit("p", "--payload", "usual"),
                        try await server.submit("p", "--payload", "high", "--priority", "255"),
                    ]
                    let file = directory + "/order"
                    let worker = try server.worker(
                        queue: "p=1", exec: "cat >> \(file); echo >> \(file)", "--shell")
                    for id in ids { try await server.done("job", "wait", id, "--timeout", "20") }
                    let order = try String(contentsOfFile: file, encoding: .utf8)
                    #expect(order == "high\nusual\nlow\n")
                    worker.killAndWait()
                }
            }
        }

        @Test func `a job that nobody takes in time expires`() async throws {
            try await withServe { server in
                let id = try await server.submit("idle", "--expires", "100ms")
                let outcome = try await server.martlet("job", "wait", id, "--timeout", "20")
                outcome.expect(7)
                #expect(outcome.lines == ["\(id)  expired"])
            }
        }

        @Test func `an attempt that takes too long has failed`() async throws {
            try await withServe { server in
                let worker = try server.worker(queue: "slow", exec: "sleep 60")
                let outcome = try await server.martlet(
                    "submit", "slow", "--payload", "x", "--timeout", "300ms", "--max-attempts", "1",
                    "--wait", "--wait-timeout", "30s", patience: 60)
                outcome.expect(7)
                let job = try await server.done("dead", "list", "--json").object()
                #expect(job["error_class"] as? String == "Timeout", "\(job)")
                #expect(job["timeout_ms"] as? Int == 300)
                worker.killAndWait()
            }
        }

        @Test func `attempts follow at once without a backoff`() async throws {
            try await withServe { server in
                let worker = try server.worker(queue: "bad", exec: "false")
                let id = try await server.submit("bad", "--max-attempts", "3", "--backoff", "none")
                try await server.martlet("job", "wait", id, "--timeout", "20").expect(7)
                let job = try await server.job(id)
                #expect(job["failures"] as? Int == 3)
                #expect(job["state"] as? String == "dead")
                worker.killAndWait()
            }
        }

        @Test(arguments: ["fixed:1h", "exponential:1h,2,2h,jitter=none"])
        func `a failed job waits as its backoff says`(backoff: String) async throws {
            try await withServe { server in
                let events = try ChildProcess(
                    ["events", "--follow", "--state", "scheduled", "--server", server.address])
                try await events.waitForWatch {
                    _ = try await server.submit("other", "--delay", "1h")
                }
                let id = try await server.submit("bad", "--backoff", backoff)
                let worker = try server.worker(queue: "bad", exec: "false")
                _ = try await blocking { try events.output.line(containing: id) }
                worker.killAndWait()
                let job = try await server.job(id)
                let due = try #require((job["due_at"] as? String).flatMap(instant))
                #expect((3500...3600).contains(due.timeIntervalSinceNow))
                let said = try await server.done("job", "explain", id, "--json").text
                #expect(said.contains(#""reason":"retry""#), "\(said)")
            }
        }

        @Test func `what a job says goes with it`() async throws {
            try await withServe { server in
                let id = try await server.submit(
                    "words", "--tag", "nightly", "--tag", "customer-17", "--header",
                    "traceparent=00-ab-cd-01", "--header", "x-name: some words")
                let job = try await server.job(id)
                #expect(job["tags"] as? [String] == ["nightly", "customer-17"])
                #expect(
                    job["headers"] as? [String: String]
                        == ["traceparent": "00-ab-cd-01", "x-name": "some words"])
                let worker = try server.worker(
                    queue: "words", exec: "echo $MARTLET_HEADER_TRACEPARENT", "--shell")
                let result = try await server.done("job", "result", id, "--wait")
                #expect(result.text == "00-ab-cd-01\n")
                worker.killAndWait()
            }
        }

        @Test func `a finished job is kept as long as it says`() async throws {
            try await withServe { server in
                let worker = try server.worker(queue: "q", exec: "cat")
                let gone = try await server.submit("q", "--retain", "completed=0,dead=7d")
                let kept = try await server.submit("q", "--retain", "2h")
                try await server.done("job", "wait", kept, "--timeout", "20")
                let job = try await server.job(kept)
                let vanishes = try #require((job["vanishes_at"] as? String).flatMap(instant))
                #expect((7100...7200).contains(vanishes.timeIntervalSinceNow))
                let outcome = try await server.martlet("job", "wait", gone, "--timeout", "20")
                #expect([0, 5].contains(outcome.status), "\(outcome)")
                try await server.martlet("job", "get", gone).expect(5)
                worker.killAndWait()
            }
        }

        @Test func `the durability reached is told`() async throws {
            try await withServe { server in
                let memory = try await server.done(
                    "submit", "q", "--payload", "x", "--json", "--durability", "memory")
                #expect(try memory.object()["durability"] as? String == "memory")
                let disk = try await server.done("submit", "q", "--payload", "x", "--json")
                #expect(try disk.object()["durability"] as? String == "disk")
            }
        }

        private func instant(_ text: String) -> Date? {
            try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        }
    }
}
