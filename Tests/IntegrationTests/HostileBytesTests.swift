import Foundation
import Testing

extension IntegrationTests {
    /// A server under noise, answered as PROTOCOL.md says, and unharmed.
    @Suite(.timeLimit(.minutes(1)))
    struct HostileBytesTests {
        /// Bytes in place of a session, and the error code that they must get before the connection
        /// is closed.
        static let closing: [(name: String, bytes: [UInt8], code: UInt16)] = [
            ("an HTTP request", Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8), 1),
            ("a newer version", Array("MARTLET".utf8) + [2], 2),
            (
                "an oversized length",
                RawConnection.preface + [0xff, 0xff, 0xff, 0x7f, 1, 0, 0, 0] + [
                    1, 0, 0, 0, 0, 0, 0, 0,
                ], 4
            ),
            (
                "a large frame before WELCOME",
                RawConnection.preface
                    + RawConnection.frame(0x01, 1, [UInt8](repeating: 0, count: 5000)), 4
            ),
            (
                "unknown flags",
                RawConnection.preface + [0, 0, 0, 0, 1, 0x80, 0, 0] + [1, 0, 0, 0, 0, 0, 0, 0], 3
            ),
            ("a request before HELLO", RawConnection.preface + RawConnection.frame(0x02, 1, []), 6),
        ]

        @Test(arguments: closing.indices, [true, false])
        func `noise is answered with its error, then the connection is closed`(
            index: Int, throughGateway: Bool
        ) async throws {
            let (name, bytes, code) = Self.closing[index]
            try await withServer(isGateway: throughGateway) { server in
                let frames = try await blocking { [port = server.port] in
                    let connection = try RawConnection(port: port)
                    try connection.sendRaw(bytes)
                    return try connection.readToEnd()
                }
                let error = try RawConnection.error(in: try #require(frames.last, "\(name)"))
                #expect(error.code == code, "\(name): \(error)")
                #expect(error.closes)
                try await expectUnharmed(server)
            }
        }

        @Test(arguments: [true, false])
        func `what a request gets wrong is answered and the connection goes on`(
            throughGateway: Bool
        )
            async throws
        {
            try await withServer(isGateway: throughGateway) { server in
                try await blocking { [port = server.port] in
                    let connection = try RawConnection(port: port)
                    _ = try connection.hello()
                    // A SUBMIT that ends in the middle of its queue's name, then one with bytes
                    // left over.
                    for body in [[UInt8(9), 0x61], [UInt8](repeating: 0, count: 3)] {
                        let error = try #require(throws: RawConnection.ErrorReply.self) {
                            try connection.request(0x10, body, answer: 0x90)
                        }
                        #expect(error.code == 11 || error.code == 20)
                        #expect(!error.closes)
                    }
                    let unknown = try #require(throws: RawConnection.ErrorReply.self) {
                        try connection.request(0x6f, [1, 2, 3], answer: 0x80)
                    }
                    #expect(unknown.code == 10)
                    let pong = try connection.request(0x02, [1, 2, 3], answer: 0x82)
                    #expect(pong == [1, 2, 3])
                }
                try await expectUnharmed(server)
            }
        }

        @Test func `a connection that ends inside a frame leaves nothing behind`() async throws {
            try await withServer(isGateway: false) { server in
                try await blocking { [port = server.port] in
                    let connection = try RawConnection(port: port)
                    _ = try connection.hello()
                    let body = RawConnection.submit(
                        queue: "half", producer: 0, sequence: 0, floor: 0, payloads: [[1, 2, 3]])
                    try connection.sendRaw(Array(RawConnection.frame(0x10, 2, body).dropLast()))
                }
                try await expectUnharmed(server)
                let stats = try await server.martlet("queue", "stats", "half")
                #expect(stats.status == 5, "\(stats)")
            }
        }

        @Test func `a wrong token closes the connection with NOT_AUTHENTICATED`() async throws {
            try await withBroker { broker in
                try await withScratch { directory in
                    let token = directory + "/token"
                    try "right".write(toFile: token, atomically: true, encoding: .utf8)
                    let gateway = try await Server.gateway(broker: broker, "--token-file", token)
                    try await blocking { [port = gateway.port] in
                        for wrong in ["", "wrong", "righ", "rightt"] {
                            let connection = try RawConnection(port: port)
                            let error = try #require(throws: RawConnection.ErrorReply.self) {
                                try connection.hello(token: wrong)
                            }
                            #expect(error.code == 5)
                            #expect(error.closes)
                            #expect(try connection.readToEnd().isEmpty)
                        }
                        _ = try RawConnection(port: port).hello(token: "right")
                    }
                    try await gateway.kill()
                }
            }
        }

        private func withServer(isGateway: Bool, _ body: (Server) async throws -> Void) async throws
        {
            if isGateway {
                try await withServe(body)
            } else {
                try await withBroker(body)
            }
        }

        /// Somebody else is served as ever.
        private func expectUnharmed(_ server: Server) async throws {
            let ids = try await blocking { [port = server.port] in
                let connection = try RawConnection(port: port)
                _ = try connection.hello()
                return try connection.submit([[1], [2]], to: "unharmed")
            }
            #expect(ids.count == 2)
        }
    }
}
