import Testing

extension IntegrationTests {
    @Suite(.timeLimit(.minutes(2)))
    struct SubmitTests {
        @Test func `a job's result is what the command made of its payload`() async throws {
            try await withServe { server in
                let worker = try server.worker(queue: "greetings", exec: "tr a-z A-Z")
                let outcome = try await server.martlet(
                    "submit", "greetings", "--wait", input: Array("hello\n".utf8))
                #expect(outcome.status == 0, "\(outcome)")
                #expect(outcome.text == "HELLO\n")
                worker.killAndWait()
            }
        }

        @Test func `each line is a job and results come in the order of the lines`() async throws {
            try await withServe { server in
                let worker = try server.worker(queue: "lines=4", exec: "tr a-z A-Z")
                let lines = (1...200).map { "line \($0)" }
                let outcome = try await server.martlet(
                    "submit", "lines", "--lines", "--wait",
                    input: Array(lines.joined(separator: "\n").utf8), patience: 90)
                #expect(outcome.status == 0, "\(outcome)")
                #expect(outcome.lines == lines.map { $0.uppercased() })
                worker.killAndWait()
            }
        }

        @Test func `without waiting, ids are printed, one a line, ascending`() async throws {
            try await withServe { server in
                let outcome = try await server.martlet(
                    "submit", "many", "--lines", input: Array("a\nb\nc".utf8))
                #expect(outcome.status == 0, "\(outcome)")
                #expect(outcome.lines.count == 3)
                #expect(outcome.lines == outcome.lines.sorted())
                let list = try await server.martlet(
                    "job", "list", "--queue", "many", "--oldest-first", "--json")
                #expect(list.lines.count == 3 || list.lines.isEmpty, "a list is at most 100 ms old")
                let job = try await server.martlet("job", "get", outcome.lines[2], "--json")
                #expect(job.text.contains(#""queue":"many""#))
                #expect(job.text.contains(#""state":"ready""#))
                #expect(job.text.contains(#""payload_bytes":1,"#))
            }
        }

        @Test func `a payload with any bytes arrives as it was`() async throws {
            try await withServe { server in
                let worker = try server.worker(queue: "bytes", exec: "cat")
                let payload = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
                let id = try await server.martlet("submit", "bytes", "-", input: payload).lines[0]
                let outcome = try await server.martlet("job", "result", id, "--wait")
                #expect(outcome.status == 0)
                #expect(outcome.output == payload)
                worker.killAndWait()
            }
        }

        @Test func `a job that dies ends with status 7 and the end of its standard error`()
            async throws
        {
            try await withServe { server in
                let worker = try server.worker(
                    queue: "bad", exec: "echo no such disk >&2; exit 3", "--shell")
                let outcome = try await server.martlet(
                    "submit", "bad", "--payload", "x", "--wait", "--max-attempts", "1")
                #expect(outcome.status == 7, "\(outcome)")
                #expect(outcome.errors.contains("no such disk"))
                #expect(outcome.text.isEmpty)
                worker.killAndWait()
            }
        }

        @Test func `a wait that is over ends with status 3`() async throws {
            try await withServe { server in
                let outcome = try await server.martlet(
                    "submit", "idle", "--payload", "x", "--wait", "--timeout", "200ms")
                #expect(outcome.status == 3, "\(outcome)")
            }
        }

        @Test func `an empty line is refused by its number and the lines before it are kept`()
            async throws
        {
            try await withServe { server in
                let outcome = try await server.martlet(
                    "submit", "gaps", "--lines", input: Array("a\nb\n\nc\n".utf8))
                #expect(outcome.status == 1)
                #expect(outcome.lines.count == 2)
                #expect(outcome.errors.contains("line 3 is empty"))
            }
        }

        @Test func `an oversized payload is refused with its size and the limit`() async throws {
            try await withServe { server in
                let outcome = try await server.martlet(
                    "submit", "big", "--payload-file", "/dev/stdin",
                    input: [UInt8](repeating: 0, count: 16 << 20 + 1))
                #expect(outcome.status == 1)
                #expect(outcome.errors.contains("16,777,216"))
            }
        }

        @Test(arguments: [
            (["submit", "no/slashes", "--payload", "x"], 64, "0x2f"),
            (["submit", "q", "--payload", "x", "--type", "two words"], 64, "type has a space"),
            (["submit", "q", "--payload", ""], 1, "empty"),
            (["submit", "q", "--payload-file", "/nowhere/at/all"], 1, "/nowhere/at/all"),
            (["job", "get", "m5k2"], 5, "no job m5k2"),
            (["job", "get", "0000000k5m2q"], 5, "no job 0000000k5m2q"),
            (["job", "result", "0000000k5m2q"], 5, "no job 0000000k5m2q"),
            (["job", "wait", "0000000k5m2q"], 5, "no job 0000000k5m2q"),
            (["queue", "stats", "nowhere"], 5, "nowhere"),
        ])
        func `a refusal has its status and says why in one line`(
            arguments: [String], status: Int32, reason: String
        ) async throws {
            try await withServe { server in
                let outcome = try await Program.run(
                    arguments, environment: ["MARTLET_SERVER": server.address])
                #expect(outcome.status == status, "\(outcome)")
                #expect(outcome.errors.contains(reason), "\(outcome)")
                #expect(outcome.errors.hasPrefix("martlet: "))
                #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome)")
            }
        }
    }
}
