import Testing

extension IntegrationTests {
    /// Changes that the server does to all jobs that match.
    @Suite(.timeLimit(.minutes(2)))
    struct BulkChangeTests {
        @Test func `a dry run counts and changes nothing`() async throws {
            try await withServe { server in
                try await submitMany(server)
                let counted = try await server.done(
                    "job", "cancel", "--queue", "many", "--dry-run")
                #expect(counted.text == "1,000 jobs would be cancelled\n")
                let asJSON = try await server.done(
                    "job", "cancel", "--queue", "many", "--dry-run", "--json")
                #expect(try asJSON.object()["count"] as? Int == 1000)
                #expect(try await count(server, "--state", "ready") == 1000)
            }
        }

        @Test func `many are cancelled, retried, reprioritised and deleted by filter`() async throws
        {
            try await withServe { server in
                try await submitMany(server)
                let moved = try await server.done(
                    "job", "reprioritise", "--queue", "many", "--priority", "9")
                #expect(moved.text == "1,000 jobs reprioritised\n")
                let cancelled = try await server.done(
                    "job", "cancel", "--queue", "many", "--yes", "--reason", "all of it")
                #expect(cancelled.text == "1,000 jobs cancelled\n")
                let retried = try await server.done(
                    "job", "retry", "--queue", "many", "--state", "cancelled", "--json")
                #expect(try retried.object()["changed"] as? Int == 1000)
                #expect(try retried.object()["state"] as? String == "done")
                #expect(try await count(server, "--state", "ready") == 1000)
                let purged = try await server.done("queue", "purge", "many", "--yes")
                #expect(purged.text == "1,000 jobs purged\n")
                #expect(try await count(server) == 0)
                let none = try await server.done("job", "delete", "--queue", "many", "--yes")
                #expect(none.text == "0 jobs deleted\n")
            }
        }

        @Test func `a rate holds a change back`() async throws {
            try await withServe { server in
                try await submitMany(server, 200)
                let clock = ContinuousClock()
                let took = try await clock.measure {
                    try await server.done(
                        "job", "cancel", "--queue", "many", "--yes", "--rate", "100")
                }
                #expect(took > .milliseconds(900))
                #expect(try await count(server, "--state", "cancelled") == 200)
            }
        }

        @Test func `a queue that is not there is status 5`() async throws {
            try await withServe { server in
                let outcome = try await server.martlet("queue", "purge", "nowhere", "--yes")
                outcome.expect(5)
            }
        }

        private func submitMany(_ server: Server, _ count: Int = 1000) async throws {
            let lines = (1...count).map { "\($0)" }.joined(separator: "\n")
            try await server.done("submit", "many", "--lines", input: Array(lines.utf8))
        }

        private func count(_ server: Server, _ more: String...) async throws -> Int? {
            let arguments = ["job", "list", "--queue", "many", "--count"] + more
            let outcome = try await Program.run(
                arguments, environment: ["MARTLET_SERVER": server.address])
            return Int(outcome.expect(0).text.dropLast())
        }
    }
}
