import Foundation
import Testing

extension IntegrationTests {
    @Suite(.timeLimit(.minutes(1)))
    struct EventTests {
        @Test func `events tell what happens to jobs, in order`() async throws {
            try await withServe { server in
                let events = try ChildProcess(
                    ["events", "--follow", "--queue", "q", "--json", "--server", server.address])
                try await events.waitForWatch { _ = try await server.submit("q", "--delay", "1h") }
                let worker = try server.worker(queue: "q", exec: "cat")
                let id = try await server.submit("q")
                _ = try await blocking {
                    try events.output.line(containing: #""kind":"completed""#)
                }
                events.send(SIGINT)
                try await blocking { events.waitUntilExit() }
                #expect(events.status == 130)
                let all = String(decoding: events.output.bytes(), as: UTF8.self)
                    .split(separator: "\n").filter { $0.contains(id) }
                let kinds = all.compactMap { line in
                    line.firstMatch(of: /"kind":"(\w+)"/).map { String($0.1) }
                }
                #expect(kinds == ["submitted", "delivered", "completed"])
                worker.killAndWait()
            }
        }

        @Test func `a job's events end with the job`() async throws {
            try await withServe { server in
                let id = try await server.submit("q")
                let events = try ChildProcess(
                    ["job", "events", id, "--json", "--server", server.address])
                try await events.waitForWatch {
                    try await server.done("job", "reprioritise", id, "--priority", "200")
                }
                try await server.done("job", "cancel", id)
                try await blocking { events.waitUntilExit() }
                #expect(events.status == 0)
                let text = String(decoding: events.output.bytes(), as: UTF8.self)
                #expect(text.contains(#""kind":"edited""#), "\(text)")
                #expect(text.contains(#""kind":"cancelled""#), "\(text)")
                let late = try await server.done("job", "events", id)
                #expect(late.text.isEmpty)
            }
        }
    }
}

extension ChildProcess {
    /// Makes events until one is shown: then it watches.
    func waitForWatch(making event: () async throws -> Void) async throws {
        let deadline = Date(timeIntervalSinceNow: 30)
        while output.bytes().isEmpty {
            guard Date.now < deadline else { throw TestFailure("no event came") }
            try await event()
        }
    }
}
