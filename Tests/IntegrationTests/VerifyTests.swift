import Testing

extension IntegrationTests {
    @Suite(.timeLimit(.minutes(2)))
    struct VerifyTests {
        @Test func `a running broker's data agrees with itself`() async throws {
            try await withServe { server in
                _ = try await server.submit("q", "--unique", "k", "--delay", "1h", "--tag", "t")
                _ = try await server.deadJob("bad", error: "no")
                let report = try await server.done("verify", "--json").object()
                #expect(report["jobs"] as? Int == 2)
                #expect((report["problems"] as? [String])?.isEmpty == true, "\(report)")
                let words = try await server.done("verify")
                #expect(words.text.hasSuffix("no problem\n"), "\(words)")
            }
        }

        @Test func `a closed store is verified and repaired in its directory`() async throws {
            try await withScratch { directory in
                let data = directory + "/data"
                let broker = try await Server.broker(data: data)
                _ = try await broker.submit("q", "--delay", "1h")
                let busy = try await Program.run("verify", "--data", data).expect(1)
                #expect(busy.errors.contains(data), "\(busy)")
                try await broker.kill()
                let report = try await Program.run("verify", "--data", data, "--json").expect(0)
                #expect(try report.object()["jobs"] as? Int == 1)
                try await Program.run("verify", "--data", data, "--repair").expect(0)
                let again = try await Server.broker(data: data)
                #expect(
                    try await again.done("job", "list", "--state", "scheduled", "--count").text
                        == "1\n")
                #expect(try await again.stop() == 0)
                try await Program.run("verify", "--data", data).expect(0)
            }
        }

        @Test func `a directory that holds no store is refused`() async throws {
            try await withScratch { directory in
                let outcome = try await Program.run("verify", "--data", directory + "/nothing")
                outcome.expect(1)
                #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome)")
            }
        }
    }
}
