import Gateway
import MartletWire
import NIOCore
import TestSupport
import Testing

/// Who does not come in, and what they are told.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct DoorTests {
    @Test func `a token that is missing or wrong is answered and closed, the right one comes in`()
        async throws
    {
        let broker = try await FakeBroker.start()
        try await withGateway(brokerPort: broker.port, { $0.tokens = AccessTokens(["secret"]) }) {
            gateway in
            for token in ["", "secreT", "secret2"] {
                let client = try await RawClient.greet(at: gateway.listen, token: token)
                let answer = try #require(await client.frames.next())
                #expect(answer.errorMessage?.code == .notAuthenticated)
                #expect(answer.errorMessage?.closes == true)
                #expect(answer.header.requestID == 1)
                #expect(await client.frames.next() == nil)
            }
            let client = try await RawClient.greet(at: gateway.listen, token: "secret")
            #expect(await client.frames.next()?.opcode == .welcome)
        }
        // None of the refused ones reached the broker.
        #expect(await broker.frames.next()?.header.channel == 0)
        #expect(await broker.frames.next()?.header.channel == 1)
        try await broker.stop()
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", ErrorCode.badPreface),
        ("MARTLEX", .badPreface),
        ("MARTLET\u{2}", .unsupportedVersion),
        ("MARTLET\u{1}\u{1}\u{10}\u{0}\u{0}\u{1}\u{0}\u{0}\u{0}12345678", .frameTooLarge),
        ("MARTLET\u{1}\u{0}\u{0}\u{0}\u{0}\u{1}\u{8}\u{0}\u{0}12345678", .badFrame),
        ("MARTLET\u{1}\u{0}\u{0}\u{0}\u{0}\u{2}\u{0}\u{0}\u{0}12345678", .helloExpected),
        ("MARTLET\u{1}\u{0}\u{0}\u{0}\u{0}\u{1}\u{0}\u{0}\u{0}12345678", .invalidMessage),
    ])
    func `noise at the door gets the documented error and nobody else is harmed`(
        bytes: String, code: ErrorCode
    ) async throws {
        let broker = try await FakeBroker.start()
        try await withGateway(brokerPort: broker.port) { gateway in
            let bystander = try await RawClient.welcomed(at: gateway.listen)
            let client = try await RawClient.connect(to: gateway.listen)
            client.send { $0.writeString(bytes) }
            #expect(await client.frames.next()?.errorMessage?.code == code)
            #expect(await client.frames.next() == nil)
            bystander.send { $0.write(Ping(), requestID: 9) }
            #expect(await bystander.frames.next()?.header.requestID == 9)
        }
        try await broker.stop()
    }

    @Test func `a client can't name a channel, close one, or be a link`() async throws {
        let broker = try await FakeBroker.start()
        try await withGateway(brokerPort: broker.port) { gateway in
            let breaches: [@Sendable (inout ByteBuffer) -> Void] = [
                { $0.write(Ping(), requestID: 2, channel: 2) },
                { $0.write(Close(), requestID: 2) },
            ]
            for breach in breaches {
                let client = try await RawClient.welcomed(at: gateway.listen)
                client.send(breach)
                let answer = try #require(await client.frames.next())
                #expect(answer.errorMessage?.code == .badFrame)
                #expect(answer.header.requestID == 2)
                #expect(await client.frames.next() == nil)
                #expect(await broker.frames.next { $0.opcode == .close } != nil)
            }
            let link = try await RawClient.connect(to: gateway.listen)
            link.send {
                $0.writeBytes(Preface.bytes)
                $0.write(Hello(client: "test", isLink: true), requestID: 1)
            }
            #expect(await link.frames.next()?.errorMessage?.code == .badFrame)
        }
        try await broker.stop()
    }

    @Test func `a client that says nothing is told to and closed`() async throws {
        let broker = try await FakeBroker.start()
        try await withGateway(
            brokerPort: broker.port, { $0.limits.helloTimeout = .milliseconds(10) }
        ) { gateway in
            let client = try await RawClient.connect(to: gateway.listen)
            #expect(await client.frames.next()?.errorMessage?.code == .helloExpected)
            #expect(await client.frames.next() == nil)
        }
        try await broker.stop()
    }

    @Test func `clients above the limit are sent away until another leaves`() async throws {
        let broker = try await FakeBroker.start()
        try await withGateway(brokerPort: broker.port, { $0.limits.connectionsMax = 1 }) {
            gateway in
            let first = try await RawClient.welcomed(at: gateway.listen)
            let second = try await RawClient.connect(to: gateway.listen)
            let refusal = try #require(await second.frames.next()?.errorMessage)
            #expect(refusal.code == .unavailable)
            #expect(refusal.isRetryable)
            #expect(refusal.limit == 1)
            #expect(await second.frames.next() == nil)
            try await first.close()
            #expect(await broker.frames.next { $0.opcode == .close } != nil)
            while true {
                let third = try await RawClient.greet(at: gateway.listen)
                if await third.frames.next()?.opcode == .welcome { break }
                _ = await third.frames.next()
            }
        }
        try await broker.stop()
    }

    @Test func `a client silent for the idle time is closed`() async throws {
        var limits = ServerLimits()
        limits.idleMilliseconds = 20
        let broker = try await FakeBroker.start(limits: limits)
        try await withGateway(brokerPort: broker.port) { gateway in
            let client = try await RawClient.welcomed(at: gateway.listen)
            #expect(await client.frames.next() == nil)
        }
        try await broker.stop()
    }
}
