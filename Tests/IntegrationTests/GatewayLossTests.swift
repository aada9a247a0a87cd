import Foundation
import Testing

extension IntegrationTests {
    /// Gateways come and go; what was acknowledged through one is there through the next.
    @Suite(.timeLimit(.minutes(2)))
    struct GatewayLossTests {
        @Test func `a submitter and a worker go on when their gateway is killed and replaced`()
            async throws
        {
            try await withBroker { broker in
                let first = try await Server.gateway(broker: broker)
                let worker = try first.worker(queue: "lines=2", exec: "tr a-z A-Z")
                let submitter = try ChildProcess(
                    ["submit", "lines", "--lines", "--wait", "--server", first.address])
                let lines = (1...40).map { "line \($0)" }
                try submitter.write(lines.prefix(20).joined(separator: "\n") + "\n")
                try await broker.waitForCompleted(in: "lines", count: 1)
                try await first.kill()
                let second = try await Server.gateway(broker: broker, port: first.port)
                try submitter.write(lines.dropFirst(20).joined(separator: "\n") + "\n")
                submitter.closeInput()
                try await blocking { submitter.waitUntilExit(patience: 60) }
                #expect(
                    submitter.status == 0,
                    "\(submitter.saidOnErrors)")
                let output = String(decoding: submitter.output.bytes(), as: UTF8.self)
                #expect(
                    output.split(separator: "\n").map(String.init) == lines.map { $0.uppercased() })
                worker.killAndWait()
                try await second.kill()
            }
        }

        @Test func `a session goes on through another gateway with its lease`() async throws {
            try await withBroker { broker in
                let first = try await Server.gateway(broker: broker)
                let second = try await Server.gateway(broker: broker)
                let (session, delivery) = try await blocking { [port = first.port] in
                    let connection = try RawConnection(port: port)
                    let session = try connection.hello()
                    _ = try connection.submit([Array("x".utf8)], to: "held")
                    try connection.subscribe(to: "held", credit: 1)
                    return (session, try connection.nextDeliveries()[0])
                }
                try await first.kill()
                try await blocking { [port = second.port] in
                    let connection = try RawConnection(port: port)
                    let resumed = try connection.hello(resuming: session)
                    #expect(resumed.isResumed)
                    #expect(
                        try connection.settle(.complete, id: delivery.id, token: delivery.token)
                            == 0)
                    #expect(
                        try connection.settle(.complete, id: delivery.id, token: delivery.token)
                            == 42)
                    #expect(try connection.job(delivery.id).state == 5)
                }
                try await second.kill()
            }
        }

        @Test func `a submission sent again through another gateway is not accepted twice`()
            async throws
        {
            try await withBroker { broker in
                let body = RawConnection.submit(
                    queue: "once", producer: 77, sequence: 1, floor: 1, payloads: [[1], [2], [3]])
                var answers: [[UInt64]] = []
                for _ in 0..<2 {
                    let gateway = try await Server.gateway(broker: broker)
                    answers.append(
                        try await blocking { [port = gateway.port] in
                            let connection = try RawConnection(port: port)
                            _ = try connection.hello()
                            return try RawConnection.ids(
                                in: try connection.request(0x10, body, answer: 0x90))
                        })
                    try await gateway.kill()
                }
                #expect(answers[0] == answers[1])
                #expect(answers[0].count == 3)
            }
        }
    }
}

extension Server {
    /// Asks until the queue has completed that many jobs.
    func waitForCompleted(
        in queue: String, count: UInt64, patience: TimeInterval = 30
    ) async throws {
        let port = port
        try await blocking {
            let connection = try RawConnection(port: port)
            _ = try connection.hello()
            let deadline = Date(timeIntervalSinceNow: patience)
            while Date.now < deadline {
                do {
                    if try connection.counts(of: queue).completed >= count { return }
                } catch is RawConnection.ErrorReply {
                    // The queue is not there yet.
                }
            }
            throw TestFailure("queue \(queue) does not come to \(count) completed jobs")
        }
    }
}
