import Foundation
import Testing

extension IntegrationTests {
    /// `martlet dictionary …`.
    @Suite(.timeLimit(.minutes(1)))
    struct DictionaryTests {
        private let lines = (0..<1_500).map { number in
            """
            {"user":\(number &* 7_919),"template":"confirmation","locale":"en_GB",\
            "recipient":"customer\(number)@example.com","trace":"\(number &* 104_729)"}
            """
        }

        private func train(_ server: Server, _ more: String...) async throws -> [String: Any] {
            let text = lines.joined(separator: "\n")
            return try await Program.run(
                ["dictionary", "train", "mail.send", "--json"] + more, input: Array(text.utf8),
                environment: ["MARTLET_SERVER": server.address]
            ).expect(0).object()
        }

        @Test func `one is trained, listed, shown and retired`() async throws {
            try await withServe { server in
                let tried = try await train(server, "--lines", "-", "--dry-run")
                #expect(tried["version"] is NSNull)
                #expect(try await server.done("dictionary", "list", "--json").lines.isEmpty)
                let made = try await train(server, "--lines", "-")
                let id = try #require(made["id"] as? Int)
                #expect(made["version"] as? Int == 1)
                let raw = try #require(made["raw_bytes"] as? Int)
                #expect(raw > 2 * (made["dictionary_bytes"] as? Int ?? raw))
                let listed = try await server.done("dictionary", "list", "mail.send", "--json")
                #expect(try listed.object()["id"] as? Int == id)
                try await withScratch { directory in
                    let file = "\(directory)/mail.dict"
                    try await server.done("dictionary", "show", "\(id)", "--output", file)
                    let bytes = try Data(contentsOf: URL(filePath: file))
                    #expect(Array(bytes.prefix(4)) == [0x37, 0xa4, 0x30, 0xec])
                    #expect(bytes.count == made["bytes"] as? Int)
                }
                let dry = try await server.done("dictionary", "retire", "\(id)", "--dry-run")
                #expect(dry.text.contains("would be retired"))
                try await server.martlet("dictionary", "retire", "\(id)").expect(64)
                try await server.done("dictionary", "retire", "\(id)", "--yes")
                try await server.martlet("dictionary", "show", "\(id)").expect(5)
            }
        }

        @Test func `without a file the waiting jobs are the samples`() async throws {
            try await withServe { server in
                try await Program.run(
                    ["submit", "mail", "--type", "mail.send", "--lines"],
                    input: Array(lines.joined(separator: "\n").utf8),
                    environment: ["MARTLET_SERVER": server.address]
                ).expect(0)
                let made = try await train(server, "--samples", "300", "--dry-run")
                #expect(made["samples"] as? Int == 300)
                let few = try await server.martlet("dictionary", "train", "other")
                few.expect(1)
                #expect(few.errors.contains("at least 16"), "\(few)")
            }
        }

        @Test func `statistics of a queue show payload bytes before and after`() async throws {
            try await withServe { server in
                let payload = String(repeating: "martlet ", count: 1_000)
                _ = try await server.submit("q", "--payload", payload)
                let queue = try await server.done("queue", "stats", "q", "--json").object()
                let payloads = try #require(queue["payloads"] as? [String: Any])
                #expect(payloads["raw_bytes"] as? Int == payload.utf8.count)
                #expect((payloads["carried_bytes"] as? Int ?? .max) < 200)
                let words = try await server.done("queue", "stats", "q").text
                #expect(words.contains("8.0 kB raw"), "\(words)")
                #expect(words.contains("times smaller"), "\(words)")
            }
        }
    }
}
