import Gateway
import MartletWire
import NIOCore
import ServiceLifecycle
import TestSupport
import Testing

/// The broker goes away and comes back; clients are too slow; the gateway stops.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct LinkLossTests {
    @Test func `a link that breaks takes its clients with it, and they come in again`() async throws
    {
        let broker = try await FakeBroker.start()
        try await withGateway(brokerPort: broker.port) { gateway in
            let client = try await RawClient.welcomed(at: gateway.listen)
            try await broker.breakLinks()
            #expect(await client.frames.next() == nil)
            let again = try await RawClient.greet(at: gateway.listen)
            #expect(await again.frames.next()?.opcode == .welcome)
        }
        try await broker.stop()
    }

    @Test func `a HELLO waits for a broker that restarts`() async throws {
        let first = try await FakeBroker.start()
        let port = first.port
        try await withGateway(brokerPort: port, { $0.limits.linkPatience = .seconds(30) }) {
            gateway in
            let before = try await RawClient.welcomed(at: gateway.listen)
            try await first.stop()
            #expect(await before.frames.next() == nil)
            let client = try await RawClient.greet(at: gateway.listen)
            let second = try await FakeBroker.start(port: port)
            #expect(await client.frames.next()?.opcode == .welcome)
            try await second.stop()
        }
    }

    @Test func `a HELLO that waited too long is told to come back`() async throws {
        let broker = try await FakeBroker.start()
        let port = broker.port
        try await broker.stop()
        try await withGateway(brokerPort: port, { $0.limits.linkPatience = .milliseconds(20) }) {
            gateway in
            let client = try await RawClient.greet(at: gateway.listen)
            let answer = try #require(await client.frames.next())
            #expect(answer.header.requestID == 1)
            #expect(answer.errorMessage?.code == .unavailable)
            #expect(answer.errorMessage?.isRetryable == true)
            #expect(answer.errorMessage?.retryAfterMilliseconds == 1_000)
            #expect(await client.frames.next() == nil)
        }
    }

    @Test func `a client that does not take its output is cut, and the others are served`()
        async throws
    {
        let broker = try await FakeBroker.start { frame, output in
            guard frame.opcode == .get else { return }
            // As large as a frame may be, so that few of them fill every buffer on the way.
            output.writeFrames(
                .job, requestID: frame.header.requestID, channel: frame.header.channel,
                splitBytes: Limits.frameBytesMax
            ) { $0.writeRepeatingByte(1, count: Limits.frameBytesMax) }
        }
        let change: (inout GatewayConfiguration) -> Void = {
            $0.limits.outputBytesSoft = 1 << 20
            $0.limits.outputBytesHard = 4 << 20
        }
        try await withGateway(brokerPort: broker.port, change) { gateway in
            let bystander = try await RawClient.welcomed(at: gateway.listen)
            let slow = try await RawClient.greet(at: gateway.listen, reads: false)
            _ = await broker.frames.next { $0.header.channel == 2 }
            // Far more than the sockets' buffers and the bound together; sent until the gateway has had enough.
            slow.send {
                for id in 2..<50 as Range<UInt64> {
                    $0.write(Get(id: JobID(rawValue: id)), requestID: id)
                }
            }
            let close = await broker.frames.next { $0.opcode == .close }
            #expect(close?.header.channel == 2)
            bystander.send { $0.write(Ping(), requestID: 9) }
            #expect(await bystander.frames.next()?.header.requestID == 9)
        }
        try await broker.stop()
    }

    @Test func `what is sent while the broker does not read arrives once it does`() async throws {
        // 64 KiB may wait for the link: far less than what is sent, so that reading stops and goes on many times.
        let broker = try await FakeBroker.start()
        try await withGateway(brokerPort: broker.port, { $0.limits.linkOutputBytes = 65_536 }) {
            gateway in
            let client = try await RawClient.welcomed(at: gateway.listen)
            broker.setReading(false)
            let submit = Submit(
                queue: "q", type: "t",
                items: [SubmitItem(payload: .plain(ByteBuffer(repeating: 7, count: 200_000)))])
            for id in 2..<102 as Range<UInt64> {
                client.send { $0.write(submit, requestID: id) }
            }
            broker.setReading(true)
            for id in 2..<102 as Range<UInt64> {
                #expect(await broker.frames.next { $0.opcode == .submit }?.header.requestID == id)
            }
        }
        try await broker.stop()
    }

    @Test func `a gateway that goes away tells its clients, and waits for them to leave`()
        async throws
    {
        let broker = try await FakeBroker.start()
        var configuration = GatewayConfiguration(
            broker: .init(host: "127.0.0.1", port: broker.port))
        configuration.listen.port = 0
        configuration.http?.port = 0
        configuration.limits.drainTimeout = .seconds(50)
        let gateway = Gateway(configuration: configuration, logger: .quiet)
        let service = ServiceGroup(services: [gateway], logger: .quiet)
        async let served: Void = service.run()
        let address = try await gateway.bound().listen
        let client = try await RawClient.welcomed(at: address)
        let silent = try await RawClient.connect(to: address)
        await service.triggerGracefulShutdown()
        let push = try #require(await client.frames.next())
        #expect(try Draining(body: push.body).milliseconds == 25_000)
        #expect(await silent.frames.next() == nil)
        // It still serves whom it has.
        client.send { $0.write(Ping(), requestID: 3) }
        #expect(await client.frames.next()?.opcode == .pong)
        try await client.close()
        try await served
        try await broker.stop()
    }

    @Test(arguments: [true, false])
    func `a port in use is said so`(isHTTP: Bool) async throws {
        let taken = try await FakeBroker.start()
        var configuration = GatewayConfiguration(broker: .init(host: "127.0.0.1", port: taken.port))
        configuration.listen.port = isHTTP ? 0 : taken.port
        configuration.http?.port = isHTTP ? taken.port : 0
        let gateway = Gateway(configuration: configuration, logger: .quiet)
        let failure = await #expect(throws: GatewayFailure.self) { try await gateway.run() }
        #expect(
            failure?.description == "cannot listen on 127.0.0.1:\(taken.port): the port is in use")
        await #expect(throws: GatewayFailure.self) { try await gateway.bound() }
        try await taken.stop()
    }
}
