import Foundation
import Testing

extension IntegrationTests {
    @Suite(.timeLimit(.minutes(2)))
    struct QueueSettingTests {
        @Test func `settings are told, kept and shown`() async throws {
            try await withServe { server in
                try await server.done(
                    "queue", "set", "images", "--depth-max", "2", "--bytes-max", "1M", "--order",
                    "lifo", "--max-attempts", "5", "--backoff", "fixed:10s")
                try await server.done("queue", "set", "images", "--priority", "9")
                let settings = try await self.settings(server)
                #expect(settings["depth_max"] as? Int == 2)
                #expect(settings["bytes_max"] as? Int == 1_000_000)
                #expect(settings["order"] as? String == "lifo")
                let defaults = try #require(settings["defaults"] as? [String: Any])
                #expect(defaults["max_attempts"] as? Int == 5)
                #expect(defaults["priority"] as? Int == 9)
                let words = try await server.done("queue", "get", "images")
                #expect(words.text.contains("fixed:10s"), "\(words)")
                let job = try await server.job(try await server.submit("images"))
                #expect(job["max_attempts"] as? Int == 5)
                #expect(job["priority"] as? Int == 9)
                try await server.done("queue", "set", "images", "--no-defaults")
                let plain = try await self.settings(server)
                #expect((plain["defaults"] as? [String: Any])?["priority"] as? Int == nil)
            }
        }

        private func settings(_ server: Server) async throws -> [String: Any] {
            let queue = try await server.done("queue", "get", "images", "--json").object()
            return try #require(queue["settings"] as? [String: Any])
        }

        @Test func `a full queue refuses with the number and the limit`() async throws {
            try await withServe { server in
                try await server.done("queue", "set", "q", "--depth-max", "2")
                let outcome = try await server.martlet(
                    "submit", "q", "--lines", input: Array("1\n2\n3\n4\n".utf8))
                outcome.expect(1)
                #expect(outcome.lines.count == 2)
                #expect(outcome.errors.contains("line 3 was refused"), "\(outcome)")
                #expect(outcome.errors.split(separator: "\n").count == 1)
            }
        }

        @Test func `an atomic batch is submitted as a whole or not at all`() async throws {
            try await withServe { server in
                try await server.done("queue", "set", "q", "--depth-max", "2")
                let refused = try await server.martlet(
                    "submit", "q", "--lines", "--atomic", input: Array("1\n2\n3\n".utf8))
                refused.expect(1)
                #expect(refused.text.isEmpty)
                #expect(
                    try await server.done("job", "list", "--queue", "q", "--count").text == "0\n")
                let taken = try await server.done(
                    "submit", "q", "--lines", "--atomic", input: Array("1\n2\n".utf8))
                #expect(taken.lines.count == 2)
                let lines = (1...1025).map { "\($0)" }.joined(separator: "\n")
                let tooMany = try await server.martlet(
                    "submit", "other", "--lines", "--atomic", input: Array(lines.utf8))
                tooMany.expect(1)
                #expect(tooMany.errors.contains("1,024"), "\(tooMany)")
            }
        }

        @Test func `a paused queue delivers nothing until it is resumed`() async throws {
            try await withServe { server in
                let worker = try server.worker(queue: "q", exec: "cat")
                try await server.done("queue", "pause", "q", "--reason", "moving", "--by", "me")
                let id = try await server.submit("q")
                try await server.martlet("job", "wait", id, "--timeout", "300ms").expect(3)
                let shown = try await server.done("queue", "get", "q")
                #expect(shown.text.contains("by me: moving"), "\(shown)")
                let stats = try await server.done("queue", "stats", "q", "--json").object()
                #expect((stats["paused"] as? [String: Any])?["reason"] as? String == "moving")
                try await server.done("queue", "resume", "q")
                try await server.done("job", "wait", id, "--timeout", "20")
                worker.killAndWait()
            }
        }

        @Test func `a draining queue takes nothing until it is resumed`() async throws {
            try await withServe { server in
                let id = try await server.submit("q")
                try await server.done("queue", "drain", "q")
                let outcome = try await server.martlet("submit", "q", "--payload", "x")
                outcome.expect(6)
                #expect(outcome.errors.contains("drain"), "\(outcome)")
                let worker = try server.worker(queue: "q", exec: "cat")
                try await server.done("job", "wait", id, "--timeout", "20")
                try await server.done("queue", "resume", "q")
                _ = try await server.submit("q")
                worker.killAndWait()
            }
        }

        @Test func `the last job in is the first out when the queue says so`() async throws {
            try await withServe { server in
                try await withScratch { directory in
                    try await server.done("queue", "set", "q", "--order", "lifo")
                    let ids = try await server.done(
                        "submit", "q", "--lines", input: Array("1\n2\n3\n".utf8)
                    ).lines
                    let file = directory + "/order"
                    let worker = try server.worker(
                        queue: "q=1", exec: "cat >> \(file); echo >> \(file)", "--shell")
                    for id in ids { try await server.done("job", "wait", id, "--timeout", "20") }
                    #expect(try String(contentsOfFile: file, encoding: .utf8) == "3\n2\n1\n")
                    worker.killAndWait()
                }
            }
        }

        @Test func `a queue is deleted when it is empty or its jobs may go too`() async throws {
            try await withServe { server in
                _ = try await server.submit("q")
                let refused = try await server.martlet("queue", "delete", "q", "--yes").expect(6)
                #expect(refused.errors.contains("1 job"), "\(refused)")
                let foretold = try await server.done("queue", "delete", "q", "--force", "--dry-run")
                #expect(foretold.text == "queue q with 1 job would be deleted\n")
                try await server.done("queue", "delete", "q", "--force", "--yes")
                try await server.martlet("queue", "get", "q").expect(5)
                try await server.done("queue", "set", "empty", "--depth-max", "5")
                try await server.done("queue", "delete", "empty", "--yes")
                try await server.martlet("queue", "delete", "empty", "--yes").expect(5)
            }
        }

        @Test func `statistics count and time a queue's jobs`() async throws {
            try await withServe { server in
                let worker = try server.worker(queue: "q", exec: "cat")
                let id = try await server.submit("q", "--type", "copy")
                try await server.done("job", "wait", id, "--timeout", "20")
                let stats = try await server.done("queue", "stats", "q", "--json").object()
                #expect((stats["totals"] as? [String: Any])?["completed"] as? Int == 1)
                #expect((stats["last_minute"] as? [String: Any])?["submitted"] as? Int == 1)
                #expect(stats["times"] is [[String: Any]])
                let words = try await server.done("queue", "stats", "q")
                #expect(words.text.contains("1 submitted, 1 completed"), "\(words)")
                worker.killAndWait()
            }
        }

        @Test func `queues are listed by name, page by page`() async throws {
            try await withServe { server in
                for name in ["b", "c", "a"] { _ = try await server.submit(name) }
                let first = try await server.done("queue", "list", "--json", "--limit", "2")
                #expect(try first.objects().map { $0["name"] as? String } == ["a", "b"])
                let cursor = try #require(
                    first.errors.split(whereSeparator: \.isWhitespace).last.map(String.init))
                let second = try await server.done(
                    "queue", "list", "--json", "--limit", "2", "--cursor", cursor)
                #expect(try second.objects().map { $0["name"] as? String } == ["c"])
                #expect(second.errors.isEmpty)
                #expect(try await server.done("queue", "list", "--all").lines.count == 4)
            }
        }

        @Test(arguments: ["get", "resume", "stats", "delete"])
        func `a queue that is not there is status 5`(verb: String) async throws {
            try await withServe { server in
                let arguments = ["queue", verb, "nowhere"] + (verb == "delete" ? ["--yes"] : [])
                let outcome = try await Program.run(
                    arguments, environment: ["MARTLET_SERVER": server.address])
                outcome.expect(5)
                #expect(outcome.errors.contains("nowhere"), "\(outcome)")
            }
        }
    }
}
