import Testing

extension IntegrationTests {
    @Suite(.timeLimit(.minutes(1)))
    struct UniqueJobTests {
        @Test func `a key that is held gives its holder`() async throws {
            try await withServe { server in
                let first = try await server.submit("mail", "--unique", "welcome-17")
                let again = try await server.done(
                    "submit", "mail", "--payload", "y", "--unique", "welcome-17", "--json")
                #expect(try again.object()["id"] as? String == first)
                #expect(try again.object()["duplicate"] as? Bool == true)
                let elsewhere = try await server.submit("other", "--unique", "welcome-17")
                #expect(elsewhere != first)
            }
        }

        @Test func `a key that is held refuses when it is to reject`() async throws {
            try await withServe { server in
                let first = try await server.submit("mail", "--unique", "k")
                let outcome = try await server.martlet(
                    "submit", "mail", "--payload", "y", "--unique", "k", "--on-conflict", "reject")
                outcome.expect(6)
                #expect(outcome.errors.contains(first), "\(outcome)")
                #expect(outcome.text.isEmpty)
            }
        }

        @Test func `a holder that waits is replaced`() async throws {
            try await withServe { server in
                let first = try await server.submit("mail", "--unique", "k")
                let second = try await server.submit(
                    "mail", "--unique", "k", "--on-conflict", "replace")
                #expect(second != first)
                #expect(try await server.state(of: first) == "cancelled")
                let found = try await server.done("job", "list", "--unique", "k", "--json")
                #expect(found.text.contains(second), "\(found)")
            }
        }

        @Test func `a key is held as long as its scope says`() async throws {
            try await withServe { server in
                let worker = try server.worker(queue: "mail", exec: "cat")
                let active = try await server.submit("mail", "--unique", "a")
                let timed = try await server.submit(
                    "mail", "--unique", "t", "--unique-scope", "1h")
                try await server.done("job", "wait", active, timed, "--timeout", "20")
                #expect(try await server.submit("mail", "--unique", "a") != active)
                #expect(try await server.submit("mail", "--unique", "t") == timed)
                worker.killAndWait()
            }
        }

        @Test func `a key is released at delivery when only waiting jobs hold it`() async throws {
            try await withServe { server in
                try await withScratch { directory in
                    let stage = try Stage(directory)
                    let first = try await server.submit(
                        "mail", "--unique", "w", "--unique-scope", "waiting")
                    let worker = try server.worker(queue: "mail=1", exec: stage.script, "--shell")
                    try await stage.waitForStart()
                    let second = try await server.submit(
                        "mail", "--unique", "w", "--unique-scope", "waiting")
                    #expect(second != first)
                    worker.killAndWait()
                    try await stage.letFinish()
                }
            }
        }
    }
}
