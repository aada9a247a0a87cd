import Testing

extension IntegrationTests {
    @Suite(.timeLimit(.minutes(2)))
    struct DeadJobTests {
        @Test func `jobs that died of one error are one group`() async throws {
            try await withServe { server in
                let first = try await server.deadJob("q", error: "cannot open file 17")
                let second = try await server.deadJob("q", error: "cannot open file 18")
                let other = try await server.deadJob("q", error: "no such host")
                let groups = try await server.done("dead", "groups", "--json").objects()
                #expect(groups.count == 2)
                let files = try #require(groups.first { $0["jobs"] as? Int == 2 })
                #expect(files["queue"] as? String == "q")
                let message = try #require(files["message"] as? String)
                #expect(message.contains("cannot open file 17"))
                let fingerprint = try #require(files["fingerprint"] as? String)
                let listed = try await server.done(
                    "dead", "list", "--error", fingerprint, "--json"
                ).objects()
                #expect(listed.map { $0["id"] as? String } == [second, first])
                let table = try await server.done("dead", "groups", "--queue", "q")
                #expect(table.text.contains(fingerprint) && table.text.contains("no such host"))
                let redriven = try await server.done("dead", "redrive", "--error", fingerprint)
                #expect(redriven.text == "2 jobs redriven\n")
                #expect(try await server.state(of: first) == "ready")
                #expect(try await server.state(of: other) == "dead")
                let rest = try await server.done("dead", "groups", "--json").objects()
                #expect(rest.count == 1)
            }
        }

        @Test func `dead jobs are redriven one by one or all, and purged`() async throws {
            try await withServe { server in
                let first = try await server.deadJob("q", error: "no")
                let second = try await server.deadJob("q", error: "no")
                let foretold = try await server.done("dead", "redrive", "--all", "--dry-run")
                #expect(foretold.text == "2 jobs would be redriven\n")
                let one = try await server.done("dead", "redrive", first)
                #expect(one.text == "\(first)  ready\n")
                try await server.martlet("dead", "purge", "--all").expect(64)
                let purged = try await server.done("dead", "purge", "--queue", "q", "--yes")
                #expect(purged.text == "1 job deleted\n")
                try await server.martlet("job", "get", second).expect(5)
                #expect(try await server.state(of: first) == "ready")
                let table = try await server.done("dead", "list")
                #expect(table.lines.count == 1, "only the header")
            }
        }
    }
}
