import Foundation
import Testing

extension IntegrationTests {
    /// `clients/c`, built by the system's C compiler and run: its own test programs know the details.
    @Suite(.timeLimit(.minutes(3)))
    struct CClientTests {
        private static let top = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        private static let client = top.appending(path: "clients/c").path
        private static let vectors = top.appending(path: "protocol/vectors").path

        /// Builds into a directory that vanishes.
        private func withBuilt(
            _ target: String, _ body: (String) async throws -> Void
        ) async throws {
            try await withScratch { output in
                let made = try await Tool.run(
                    "/usr/bin/make", ["-s", "-C", Self.client, target, "OUT=\(output)"])
                try #require(made.status == 0, "\(made.text)")
                try await body(output)
            }
        }

        @Test func `it writes and reads the golden vectors, and broken ones do it no harm`()
            async throws
        {
            try await withBuilt("tests") { output in
                let outcome = try await Tool.run("\(output)/vectors", [Self.vectors])
                #expect(outcome.status == 0, "\(outcome.text)")
                #expect(outcome.text.contains(" messages written"))
            }
        }

        @Test func `a hostile server can neither crash it nor keep it waiting`() async throws {
            try await withBuilt("tests") { output in
                let outcome = try await Tool.run("\(output)/hostile", [Self.vectors])
                #expect(outcome.status == 0, "\(outcome.text)")
            }
        }

        @Test(arguments: [false, true])
        func `it submits, works, settles and understands refusals`(
            throughGateway: Bool
        ) async throws {
            try await withBuilt("tests") { output in
                let live = { (server: Server) in
                    let outcome = try await Tool.run(
                        "\(output)/live", ["\(server.port)", Self.vectors])
                    #expect(outcome.status == 0, "\(outcome.text)")
                    #expect(outcome.text.contains("all as it should be"))
                }
                if throughGateway {
                    try await withServe(live)
                } else {
                    try await withBroker(live)
                }
            }
        }

        @Test func `the example's worker does what its submitter asks for`() async throws {
            try await withBuilt("all") { output in
                try await withBroker { server in
                    let port = ["MARTLET_PORT": "\(server.port)"]
                    let example = "\(output)/example"
                    let worker = try ChildProcess(["work"], program: example, environment: port)
                    let shout = try await blocking {
                        let submitter = try ChildProcess(
                            ["submit", "hello"], program: example, environment: port)
                        submitter.waitUntilExit()
                        worker.killAndWait()
                        return String(decoding: submitter.output.bytes(), as: UTF8.self)
                    }
                    #expect(shout == "HELLO\n")
                }
            }
        }
    }
}
