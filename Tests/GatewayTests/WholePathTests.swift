import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

@testable import Gateway

/// A real broker behind a real gateway: HTTP on one side, the protocol on the other.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct WholePathTests {
    /// A worker by hand: takes one job through the gateway and says how it went.
    private func work(
        at address: SocketAddress, queue: String,
        _ settle: (MartletWire.Delivery) -> Settlement.Verdict
    ) async throws {
        let worker = try await RawClient.welcomed(at: address)
        worker.send {
            $0.write(
                Subscribe(
                    subscription: 1, queue: queue, creditJobs: 1, creditBytes: 1 << 20,
                    leaseMilliseconds: 0),
                requestID: 2)
        }
        let push = try #require(await worker.frames.next { $0.opcode == .jobs })
        let jobs = try Jobs(body: push.body)
        let delivery = try #require(jobs.deliveries.first)
        worker.send {
            $0.write(
                Settle(items: [
                    Settlement(id: delivery.fields.id, token: jobs.token, settle(delivery))
                ]),
                requestID: 3)
        }
        #expect(await worker.frames.next()?.opcode == .settled)
    }

    @Test
    func `a job comes in over HTTP, is worked on through the gateway, and its result goes out`()
        async throws
    {
        try await withBoth { gateway in
            let http = try #require(gateway.http)
            // Long and regular: it travels compressed and must come out as it went in.
            let text = String(repeating: "{\"width\": 320}\n", count: 100)
            let submitted = try await HTTPAnswer.to(
                "POST", "/v1/queues/images/jobs?type=thumbnail", at: http, body: text)
            #expect(submitted.status == 201)
            let place = try #require(submitted.headers["location"])

            let before = try await HTTPAnswer.to("GET", place + "/result", at: http)
            #expect(before.status == 409)
            async let waiting = HTTPAnswer.to("GET", place + "/result?wait=30", at: http)
            try await work(at: gateway.listen, queue: "images") { delivery in
                #expect(Int(delivery.payload.rawBytes) == text.utf8.count)
                #expect(delivery.payload.codec == .zstd)
                return .complete(.plain(ByteBuffer(string: "{\"size\": 7}")))
            }
            let result = try await waiting
            #expect(result.status == 200)
            #expect(result.headers["content-type"] == "application/json")
            #expect(result.body == "{\"size\": 7}")

            let job = try await HTTPAnswer.to("GET", place, at: http)
            #expect(job.body.contains(#""state":"completed","attempts":1"#))
            let queues = try await HTTPAnswer.to("GET", "/v1/queues", at: http)
            #expect(queues.body.contains(#"{"name":"images","ready":0"#))
        }
    }

    @Test func `a job that dies shows its reason instead of a result`() async throws {
        try await withBoth { gateway in
            let http = try #require(gateway.http)
            let submitted = try await HTTPAnswer.to(
                "POST", "/v1/queues/q/jobs?max_attempts=1", at: http, body: "x")
            let place = try #require(submitted.headers["location"])
            try await work(at: gateway.listen, queue: "q") { _ in .fail(JobFailure("no such file"))
            }
            let result = try await HTTPAnswer.to("GET", place + "/result?wait=30", at: http)
            #expect(result.status == 422)
            #expect(result.body.contains("no such file"))
        }
    }

    @Test func `many requests at once and one request with many lines are all accepted`()
        async throws
    {
        try await withBoth { gateway in
            let http = try #require(gateway.http)
            try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        try await HTTPAnswer.to(
                            "POST", "/v1/queues/many/jobs", at: http, body: "\(number)"
                        ).status
                    }
                }
                for try await status in group { #expect(status == 201) }
            }
            let lines = (0..<3_000).map { "line \($0)\n" }.joined()
            let answer = try await HTTPAnswer.to(
                "POST", "/v1/queues/many/jobs", at: http,
                headers: ["Content-Type": "application/x-ndjson"], body: lines)
            #expect(answer.status == 201)
            #expect(Set(answer.lines).count == 3_000)
            let queues = try await HTTPAnswer.to("GET", "/v1/queues", at: http)
            #expect(queues.body.contains(#"{"name":"many","ready":3100"#))
        }
    }

    @Test func `a client of the library works through the gateway as it does without one`()
        async throws
    {
        try await withBoth { gateway in
            let port = try #require(gateway.listen.port)
            try await MartletClient.with(.martlet(host: "127.0.0.1", port: port), logger: .quiet) {
                martlet in
                let payloads = (0..<2_000).map { ByteBuffer(string: "\($0)") }
                let jobs = try await martlet.push(payloads: payloads, type: "t", queue: "library")
                #expect(jobs.count == 2_000)
                #expect(try await martlet.queue("library").ready == 2_000)
                let large = ByteBuffer(repeating: 3, count: 5 << 20)
                let handle = try await martlet.push(payload: large, type: "t", queue: "library")
                #expect(try await martlet.payload(of: handle.id).count == 5 << 20)
            }
        }
    }

    @Test func `clients go on through another gateway and every job is accepted once`() async throws
    {
        try await withBroker { broker in
            let (ports, acknowledged) = (Mailbox<Int>(), Mailbox<Int>())
            try await withGateway(brokerPort: broker) { ports.put($0.listen.port ?? 0) }
            let port = try #require(await ports.next())
            async let pushed: Void = MartletClient.with(
                .martlet(host: "127.0.0.1", port: port), logger: .quiet
            ) {
                for number in 1...600 {
                    try await $0.push(payload: "\(number)".utf8, type: "t", queue: "once")
                    acknowledged.put(number)
                }
                #expect(try await $0.queue("once").ready == 600)
                acknowledged.put(0)
            }
            // Each gateway is gone, without a word, while jobs are under way; the last one stays to the end.
            for last in [200, 400, 0] {
                try await withGateway(brokerPort: broker, { $0.listen.port = port }) { _ in
                    _ = await acknowledged.next { $0 == last }
                }
            }
            try await pushed
        }
    }
}
