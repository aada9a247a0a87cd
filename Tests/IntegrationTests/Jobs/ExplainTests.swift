import Testing

extension IntegrationTests {
    @Suite(.timeLimit(.minutes(1)))
    struct ExplainTests {
        @Test func `why a job does not run is said in words and as codes`() async throws {
            try await withServe { server in
                let first = try await server.submit("q")
                #expect(try await reasons(server, first).contains("no_subscriber"))
                let second = try await server.submit("q")
                #expect(try await reasons(server, second).contains("in_line"))
                let delayed = try await server.submit("q", "--delay", "1h")
                #expect(try await reasons(server, delayed).contains("delayed"))
                try await server.done("queue", "pause", "q", "--reason", "moving house")
                let words = try await server.done("job", "explain", first)
                #expect(words.lines[0] == "\(first) is ready.")
                #expect(words.text.contains("moving house"), "\(words)")
                try await server.done("job", "cancel", first)
                #expect(try await reasons(server, first) == ["finished"])
            }
        }

        @Test func `busy workers are a reason`() async throws {
            try await withServe { server in
                try await withScratch { directory in
                    let stage = try Stage(directory)
                    let worker = try server.worker(queue: "slow=1", exec: stage.script, "--shell")
                    let running = try await server.submit("slow")
                    try await stage.waitForStart()
                    let waiting = try await server.submit("slow")
                    #expect(try await reasons(server, waiting).contains("no_credit"))
                    #expect(try await reasons(server, running) == ["running"])
                    worker.killAndWait()
                    try await stage.letFinish()
                }
            }
        }

        private func reasons(_ server: Server, _ id: String) async throws -> [String] {
            let said = try await server.done("job", "explain", id, "--json").object()
            let reasons = try #require(said["reasons"] as? [[String: Any]])
            return reasons.compactMap { $0["reason"] as? String }
        }
    }
}
