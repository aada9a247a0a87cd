import Foundation
import Testing

extension Program.Outcome {
    /// The output's JSON objects, one a line.
    func objects() throws -> [[String: Any]] {
        try lines.map { line in
            let value = try JSONSerialization.jsonObject(with: Data(line.utf8))
            guard let object = value as? [String: Any] else {
                throw TestFailure("no object: \(line)")
            }
            return object
        }
    }

    /// The only one.
    func object() throws -> [String: Any] {
        let objects = try objects()
        guard objects.count == 1 else { throw TestFailure("not one object: \(self)") }
        return objects[0]
    }

    /// Records an issue when it has another status.
    @discardableResult
    func expect(
        _ status: Int32, _ location: SourceLocation = #_sourceLocation
    ) -> Program.Outcome {
        #expect(self.status == status, "\(self)", sourceLocation: location)
        return self
    }
}

extension Server {
    /// Runs a command that is to succeed.
    @discardableResult
    func done(
        _ arguments: String..., input: [UInt8] = [],
        location: SourceLocation = #_sourceLocation
    ) async throws -> Program.Outcome {
        try await Program.run(
            arguments, input: input, environment: ["MARTLET_SERVER": address]
        ).expect(0, location)
    }

    /// Submits a job, and returns its id.
    func submit(_ queue: String, _ more: String..., location: SourceLocation = #_sourceLocation)
        async throws -> String
    {
        let hasPayload = more.contains("--payload")
        let arguments = ["submit", queue] + (hasPayload ? [] : ["--payload", "x"]) + more
        let outcome = try await Program.run(
            arguments, environment: ["MARTLET_SERVER": address]
        ).expect(0, location)
        return try #require(outcome.lines.first, sourceLocation: location)
    }

    /// A job as `job get --json` shows it.
    func job(_ id: String) async throws -> [String: Any] {
        try await done("job", "get", id, "--json").object()
    }

    func state(of id: String) async throws -> String? {
        try await job(id)["state"] as? String
    }

    /// A job that failed for good.
    func deadJob(_ queue: String, error: String, _ more: String...) async throws -> String {
        let worker = try worker(
            queue: queue, exec: "echo '\(error)' >&2; exit 1", "--shell")
        defer { worker.killAndWait() }
        let arguments = ["submit", queue, "--payload", "x", "--max-attempts", "1"] + more
        let id = try await Program.run(
            arguments, environment: ["MARTLET_SERVER": address]
        ).expect(0).lines[0]
        try await martlet("job", "wait", id, "--timeout", "30").expect(7)
        return id
    }
}
