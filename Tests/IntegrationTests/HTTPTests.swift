import Foundation
import FoundationNetworking
import Testing

extension IntegrationTests {
    @Suite(.timeLimit(.minutes(1)))
    struct HTTPTests {
        @Test func `a job goes in over HTTP and its result comes out`() async throws {
            try await withServe { server in
                let worker = try server.worker(queue: "web", exec: "tr a-z A-Z")
                let posted = try await server.http(
                    "POST", "/v1/queues/web/jobs", body: Data("hello".utf8))
                #expect(posted.status == 201)
                let id = try #require(posted.object["id"] as? String)
                let result = try await server.http("GET", "/v1/jobs/\(id)/result?wait=20")
                #expect(result.status == 200)
                #expect(result.body == Data("HELLO".utf8))
                let job = try await server.http("GET", "/v1/jobs/\(id)").object
                let line = try await server.martlet("job", "get", id, "--json")
                let said =
                    try JSONSerialization.jsonObject(with: Data(line.output)) as? [String: Any]
                #expect(Set(job.keys) == Set(try #require(said).keys))
                #expect(job["state"] as? String == "completed")
                worker.killAndWait()
            }
        }

        @Test(arguments: [
            ("GET", "/v1/jobs/0000000k5m2q", "", 404),
            ("GET", "/v1/nothing/here", "", 404),
            ("POST", "/v1/queues/no%20spaces/jobs", "x", 400),
            ("POST", "/v1/queues/q/jobs", "", 400),
        ])
        func `a refusal is a problem that says why`(
            method: String, path: String, body: String, status: Int
        ) async throws {
            try await withServe { server in
                let answer = try await server.http(method, path, body: Data(body.utf8))
                #expect(answer.status == status, "\(answer)")
                #expect(answer.type?.hasPrefix("application/problem+json") == true, "\(answer)")
            }
        }

        @Test func `a gateway without its broker lives and is not ready`() async throws {
            try await withBroker { broker in
                let gateway = try await Server.gateway(broker: broker)
                try await gateway.waitUntilReady()
                try await broker.kill()
                #expect(try await gateway.http("GET", "/livez").status == 200)
                #expect(try await gateway.http("GET", "/readyz").status == 503)
                try await gateway.kill()
            }
        }
    }
}

extension Server {
    /// Asks until the gateway has reached its broker.
    func waitUntilReady(patience: TimeInterval = 30) async throws {
        let deadline = Date(timeIntervalSinceNow: patience)
        while Date.now < deadline {
            if try await http("GET", "/readyz").status == 200 { return }
        }
        throw TestFailure("the gateway does not reach its broker")
    }

    struct Answer {
        let status: Int
        let type: String?
        let tag: String?
        let body: Data

        var object: [String: Any] {
            get throws { try JSONSerialization.jsonObject(with: body) as? [String: Any] ?? [:] }
        }
    }

    func http(
        _ method: String, _ path: String, headers: [String: String] = [:], body: Data = Data()
    ) async throws -> Answer {
        guard let url = URL(string: "http://\(host):\(httpPort)\(path)") else {
            throw TestFailure("\(path) is no path")
        }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.cachePolicy = .reloadIgnoringLocalCacheData
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        if ["POST", "PUT", "PATCH"].contains(method) { request.httpBody = body }
        let (data, response) = try await URLSession.shared.data(for: request)
        guard let response = response as? HTTPURLResponse else { throw TestFailure("no HTTP") }
        return Answer(
            status: response.statusCode, type: response.value(forHTTPHeaderField: "Content-Type"),
            tag: response.value(forHTTPHeaderField: "ETag"), body: data)
    }
}
