import Foundation
import Testing

extension IntegrationTests {
    @Suite(.timeLimit(.minutes(1)))
    struct ServerStartTests {
        @Test func `a server that is asked to end does so with status 0`() async throws {
            try await withScratch { directory in
                let server = try await Server.serve(data: directory + "/data")
                #expect(try await server.stop() == 0)
            }
        }

        @Test func `jobs are there after a restart`() async throws {
            try await withScratch { directory in
                let first = try await Server.serve(data: directory + "/data")
                let id = try await first.martlet("submit", "kept", "--payload", "x").lines[0]
                #expect(try await first.stop() == 0)
                let second = try await Server.serve(data: directory + "/data")
                let job = try await second.martlet("job", "get", id, "--json")
                #expect(job.text.contains(#""state":"ready""#), "\(job)")
                try await second.kill()
            }
        }

        @Test func `a second broker on the same directory is refused and the first one lives`()
            async throws
        {
            try await withScratch { directory in
                let data = directory + "/data"
                let first = try await Server.broker(data: data)
                let second = try await Program.run(
                    "broker", "--data", data, "--listen", "127.0.0.1:0")
                #expect(second.status == 1, "\(second)")
                #expect(second.errors.contains("in use by process \(first.process.identifier)"))
                let listing = try await first.martlet("queue", "list")
                #expect(listing.status == 0)
                try await first.kill()
            }
        }

        @Test func `a port in use is refused in one line`() async throws {
            try await withBroker { server in
                try await withScratch { directory in
                    let taken = "127.0.0.1:\(server.port)"
                    let broker = try await Program.run(
                        "broker", "--data", directory + "/data", "--listen", taken)
                    #expect(broker.status == 1)
                    #expect(broker.errors.contains("cannot listen on \(taken)"), "\(broker)")
                    let gateway = try await Program.run(
                        "gateway", "--broker", taken, "--listen", taken, "--http", "127.0.0.1:0")
                    #expect(gateway.status == 1)
                    #expect(gateway.errors.contains("cannot listen on \(taken)"), "\(gateway)")
                }
            }
        }

        @Test func `a directory that is not ours is refused and left alone`() async throws {
            try await withScratch { directory in
                try "mine".write(
                    toFile: directory + "/letter.txt", atomically: true, encoding: .utf8)
                let outcome = try await Program.run(
                    "broker", "--data", directory, "--listen", "127.0.0.1:0")
                #expect(outcome.status == 1)
                #expect(outcome.errors.contains("is not a Martlet data directory"), "\(outcome)")
                #expect(
                    try FileManager.default.contentsOfDirectory(atPath: directory) == ["letter.txt"]
                )
            }
        }

        @Test func `a directory of a newer format is refused with both versions`() async throws {
            try await withScratch { directory in
                let data = directory + "/data"
                _ = try await Server.broker(data: data).stop()
                let marker = data + "/MARTLET"
                let text = try String(contentsOfFile: marker, encoding: .utf8)
                let newer = text.replacing(/format \d+/, with: "format 9999", maxReplacements: 1)
                try newer.write(toFile: marker, atomically: true, encoding: .utf8)
                let outcome = try await Program.run(
                    "broker", "--data", data, "--listen", "127.0.0.1:0")
                #expect(outcome.status == 1)
                #expect(outcome.errors.contains("9999"), "\(outcome)")
            }
        }

        @Test func `a gateway asks for the token and the commands show it`() async throws {
            try await withBroker { broker in
                try await withScratch { directory in
                    let token = directory + "/token"
                    try "open sesame\n".write(toFile: token, atomically: true, encoding: .utf8)
                    let gateway = try await Server.gateway(broker: broker, "--token-file", token)
                    let without = try await gateway.martlet("queue", "list")
                    #expect(without.status == 4, "\(without)")
                    let with = try await gateway.martlet("queue", "list", "--token-file", token)
                    #expect(with.status == 0, "\(with)")
                    try "open barley\n".write(toFile: token, atomically: true, encoding: .utf8)
                    let wrong = try await gateway.martlet("queue", "list", "--token-file", token)
                    #expect(wrong.status == 4, "\(wrong)")
                    try await gateway.kill()
                }
            }
        }

        @Test func `whoever has no token finds no way around the gateway of a serve`()
            async throws
        {
            try await withScratch { directory in
                let token = directory + "/token"
                try "open sesame\n".write(toFile: token, atomically: true, encoding: .utf8)
                let server = try await Server.serve(
                    data: directory + "/data", "--token-file", token)
                let ports = try server.listeningPorts()
                #expect(ports.contains(server.port))
                for port in ports where port != server.httpPort {
                    for shown in ["", port == server.port ? "sesame" : "open sesame"] {
                        try await blocking {
                            let connection = try RawConnection(port: port)
                            let refusal = #expect(throws: RawConnection.ErrorReply.self) {
                                _ = try connection.hello(token: shown)
                            }
                            #expect(refusal?.code == 5)
                            #expect(refusal?.closes == true)
                        }
                    }
                }
                let listing = try await server.martlet("queue", "list", "--token-file", token)
                #expect(listing.status == 0, "\(listing)")
                try await server.kill()
            }
        }

        @Test func `a broker asks for the token and its gateway shows it`() async throws {
            try await withScratch { directory in
                let token = directory + "/token"
                try "between us\n".write(toFile: token, atomically: true, encoding: .utf8)
                let broker = try await Server.broker(
                    data: directory + "/data", "--token-file", token)
                #expect(try await broker.martlet("queue", "list").status == 4)
                let shown = try await broker.martlet("queue", "list", "--token-file", token)
                #expect(shown.status == 0, "\(shown)")
                let gateway = try await Server.gateway(broker: broker, "--broker-token-file", token)
                let through = try await gateway.martlet("submit", "q", "--payload", "x")
                #expect(through.status == 0, "\(through)")
                try await gateway.kill()
                try await broker.kill()
            }
        }

        @Test func `logs in JSON are objects with time, level and message`() async throws {
            try await withScratch { directory in
                let arguments = [
                    "broker", "--data", directory + "/data", "--listen", "127.0.0.1:0",
                    "--log-level",
                    "info",
                    "--log-format", "json",
                ]
                let child = try ChildProcess(arguments)
                let line = try await blocking { try child.errors.line(containing: "message") }
                let object =
                    try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String]
                #expect(object?["level"] == "info")
                #expect(object?["time"]?.hasSuffix("Z") == true)
                child.killAndWait()
            }
        }
    }
}
