import Foundation
import Testing

extension IntegrationTests {
    @Suite(.timeLimit(.minutes(5)))
    struct OpenAPITests {
        /// Requests made up from `openapi.yaml`, good and bad: no server error, and no answer that it
        /// does not have.
        @Test func `every answer to requests made up from openapi.yaml is one that it has`()
            async throws
        {
            guard let schemathesis = try await Schemathesis.installed() else {
                return Schemathesis.sayMissing()
            }
            try await withServe { server in
                try await schemathesis.prepare(server)
                let outcome = try await schemathesis.run(against: server)
                #expect(outcome.status == 0, "\(outcome.text.suffix(8_000))")
                #expect(try await server.http("GET", "/readyz").status == 200)
            }
        }
    }
}

/// schemathesis of PyPI, in an environment of its own that is made once and kept beside the build.
private struct Schemathesis {
    private static let version = "4.32.5"
    private static let repository = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../..").standardized

    let program: String

    /// - Returns: nil when it can't be had here.
    static func installed() async throws -> Schemathesis? {
        let environment = repository.appending(path: ".build/schemathesis-\(version)").path
        let program = environment + "/bin/schemathesis"
        if FileManager.default.isExecutableFile(atPath: program) {
            return Schemathesis(program: program)
        }
        let setUp = """
            python3 -m venv '\(environment)' \
            && '\(environment)/bin/pip' install -q --disable-pip-version-check schemathesis==\(version)
            """
        let outcome = try await Tool.run("/bin/sh", ["-c", setUp])
        guard outcome.status == 0, FileManager.default.isExecutableFile(atPath: program) else {
            return nil
        }
        return Schemathesis(program: program)
    }

    static func sayMissing() {
        let sentence =
            "skipped: schemathesis \(version) can't be installed here (python3, venv and PyPI)\n"
        FileHandle.standardError.write(Data(sentence.utf8))
    }

    /// One job in each state that can be made from outside, so that not every id is unknown.
    func prepare(_ server: Server) async throws {
        for query in ["", "?delay_ms=3600000", "?unique=key"] {
            let answer = try await server.http(
                "POST", "/v1/queues/images/jobs\(query)", body: Data("{}".utf8))
            #expect(answer.status == 201)
        }
    }

    /// Streams don't end, and are left out; waits are, too.
    func run(against server: Server) async throws -> Tool.Outcome {
        try await withScratch { directory in
            let settings = directory + "/schemathesis.toml"
            try """
            [parameters]
            wait = 0
            """.write(toFile: settings, atomically: true, encoding: .utf8)
            return try await Tool.run(
                "/usr/bin/env",
                [
                    "-C", directory, program, "--config-file", settings, "run",
                    Self.repository.appending(path: "protocol/openapi.yaml").path,
                    "--url", "http://\(server.host):\(server.httpPort)",
                    "--checks",
                    "not_a_server_error,status_code_conformance,content_type_conformance,"
                        + "response_headers_conformance,response_schema_conformance",
                    "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "15",
                    "--exclude-operation-id", "events", "--exclude-operation-id", "jobEvents",
                    "--seed", "1", "--max-time", "60", "--no-shrink",
                    "--suppress-health-check", "all", "--no-color",
                ], patience: 240)
        }
    }
}
