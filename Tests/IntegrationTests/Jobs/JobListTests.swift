import Foundation
import Testing

extension IntegrationTests {
    @Suite(.timeLimit(.minutes(1)))
    struct JobListTests {
        @Test func `a job that was just submitted is in the list`() async throws {
            try await withServe { server in
                let id = try await server.submit("q")
                #expect(try await ids(server) == [id])
            }
        }

        @Test func `each filter finds its jobs`() async throws {
            try await withServe { server in
                let plain = try await server.submit("a")
                let typed = try await server.submit("a", "--type", "mail")
                let tagged = try await server.submit("b", "--tag", "t1", "--tag", "t2")
                let unique = try await server.submit("b", "--unique", "k")
                let delayed = try await server.submit("b", "--delay", "1h")
                let dead = try await server.deadJob("c", error: "broken pipe 17")
                #expect(try await ids(server, "--queue", "a") == [typed, plain])
                #expect(try await ids(server, "--queue", "a", "--oldest-first") == [plain, typed])
                #expect(try await ids(server, "--type", "mail") == [typed])
                #expect(try await ids(server, "--tag", "t2") == [tagged])
                #expect(try await ids(server, "--unique", "k") == [unique])
                #expect(try await ids(server, "--state", "scheduled") == [delayed])
                #expect(
                    try await ids(server, "--state", "scheduled", "--state", "dead")
                        == [dead, delayed])
                let fingerprint = try #require(try await server.job(dead)["fingerprint"] as? String)
                #expect(try await ids(server, "--error", fingerprint) == [dead])
                #expect(try await ids(server, "--since", "1h").count == 6)
                #expect(try await ids(server, "--until", "1h").isEmpty)
                #expect(try await ids(server, "--since", "2099-01-01").isEmpty)
                #expect(
                    try await ids(server, "--id-prefix", String(typed.prefix(11))).contains(typed))
                #expect(try await ids(server, "--id-prefix", typed) == [typed])
                let none = try await server.done("job", "list", "--queue", "nobody")
                #expect(none.lines.count == 1, "only the header")
            }
        }

        @Test func `a running job is found by its worker`() async throws {
            try await withServe { server in
                try await withScratch { directory in
                    let stage = try Stage(directory)
                    let worker = try server.worker(queue: "slow=1", exec: stage.script, "--shell")
                    let id = try await server.submit("slow")
                    try await stage.waitForStart()
                    let session = try #require(try await server.job(id)["session"] as? String)
                    #expect(try await ids(server, "--worker", session) == [id])
                    let name = try #require(try await server.job(id)["worker"] as? String)
                    #expect(name.hasSuffix("/\(worker.identifier)"), "\(name)")
                    #expect(try await ids(server, "--worker", name) == [id])
                    #expect(try await ids(server, "--worker", "nobody/1").isEmpty)
                    let listed = try await server.done("job", "list", "--json").object()
                    #expect(listed["worker"] as? String == name)
                    let said = try await server.done("job", "explain", id, "--json").text
                    #expect(said.contains(#""reason":"running""#), "\(said)")
                    try await stage.letFinish()
                    worker.killAndWait()
                }
            }
        }

        @Test func `pages follow each other to the end`() async throws {
            try await withServe { server in
                let lines = (1...130).map { "\($0)" }.joined(separator: "\n")
                let submitted = try await server.done(
                    "submit", "q", "--lines", input: Array(lines.utf8)
                ).lines
                var seen: [String] = []
                var cursor: [String] = []
                repeat {
                    let page = try await Program.run(
                        ["job", "list", "--queue", "q", "--json", "--limit", "40"] + cursor,
                        environment: ["MARTLET_SERVER": server.address]
                    ).expect(0)
                    seen += try page.objects().compactMap { $0["id"] as? String }
                    cursor = page.errors.split(whereSeparator: \.isWhitespace).dropFirst()
                        .map(String.init)
                } while !cursor.isEmpty
                #expect(seen == submitted.reversed())
                #expect(try await ids(server, "--all") == submitted.reversed())
                #expect(try await ids(server).count == 50)
                try await server.martlet("job", "list", "--cursor", "ffff").expect(64)
            }
        }

        private func ids(_ server: Server, _ more: String...) async throws -> [String] {
            let outcome = try await Program.run(
                ["job", "list", "--json"] + more, environment: ["MARTLET_SERVER": server.address])
            return try outcome.expect(0).objects().compactMap { $0["id"] as? String }
        }
    }
}
