import Gateway
import MartletWire
import NIOCore
import TestSupport
import Testing

/// Real sockets: clients, a gateway, and a broker whose answers the test writes.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct SwitchTests {
    /// Answers `GET` with `DONE`, so that every request finds its way back.
    private static let done: FakeBroker.Answer = { frame, output in
        guard frame.opcode == .get else { return }
        output.write(Done(), requestID: frame.header.requestID, channel: frame.header.channel)
    }

    @Test
    func
        `a client's frames reach the broker under its channel and the answers come back under none`()
        async throws
    {
        let broker = try await FakeBroker.start(answer: Self.done)
        try await withGateway(brokerPort: broker.port) { gateway in
            let link = try #require(await broker.frames.next())
            #expect(try Hello(body: link.body).isLink)
            #expect(link.header.channel == 0)

            let client = try await RawClient.greet(at: gateway.listen)
            let hello = try #require(await broker.frames.next())
            #expect(hello.opcode == .hello)
            #expect(hello.header.channel == 1)
            #expect(hello.header.requestID == 1)
            #expect(await client.frames.next()?.opcode == .welcome)

            client.send { $0.write(Get(id: JobID(rawValue: 9)), requestID: 2) }
            let get = try #require(await broker.frames.next())
            #expect(try Get(body: get.body).id == JobID(rawValue: 9))
            let answer = try #require(await client.frames.next())
            #expect(answer.opcode == .done)
            #expect(answer.header.requestID == 2)
            #expect(answer.header.channel == 0)
        }
        try await broker.stop()
    }

    @Test func `requests sent behind HELLO are not lost`() async throws {
        let broker = try await FakeBroker.start(answer: Self.done)
        try await withGateway(brokerPort: broker.port) { gateway in
            let client = try await RawClient.connect(to: gateway.listen)
            client.send {
                $0.writeBytes(Preface.bytes)
                $0.write(Hello(client: "test"), requestID: 1)
                for id in 2...20 as ClosedRange<UInt64> {
                    $0.write(Get(id: JobID(rawValue: id)), requestID: id)
                }
            }
            for id in 1...20 as ClosedRange<UInt64> {
                #expect(await client.frames.next()?.header.requestID == id)
            }
        }
        try await broker.stop()
    }

    @Test func `many clients at once each get their own answers`() async throws {
        let broker = try await FakeBroker.start { frame, output in
            // The answer carries the job's number, so that a mix-up shows.
            guard frame.opcode == .get, let get = try? Get(body: frame.body) else { return }
            output.write(
                WireError.jobNotFound(get.id).asMessage, requestID: frame.header.requestID,
                channel: frame.header.channel)
        }
        try await withGateway(brokerPort: broker.port, { $0.eventLoops = 2 }) { gateway in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...50 as ClosedRange<UInt64> {
                    group.addTask {
                        let client = try await RawClient.welcomed(at: gateway.listen)
                        let id = JobID(rawValue: number)
                        client.send {
                            for request in 2...41 as ClosedRange<UInt64> {
                                $0.write(Get(id: id), requestID: request)
                            }
                        }
                        for request in 2...41 as ClosedRange<UInt64> {
                            let answer = await client.frames.next()
                            #expect(answer?.header.requestID == request)
                            #expect(answer?.errorMessage?.message.contains("\(id)") == true)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        try await broker.stop()
    }

    @Test func `a message in several frames passes piece by piece`() async throws {
        let broker = try await FakeBroker.start()
        try await withGateway(brokerPort: broker.port) { gateway in
            let client = try await RawClient.welcomed(at: gateway.listen)
            let submit = Submit(
                queue: "q", type: "t",
                items: [SubmitItem(payload: .plain(ByteBuffer(repeating: 1, count: 600_000)))])
            client.send { $0.write(submit, requestID: 2) }
            var body = ByteBuffer()
            var flags: [FrameFlags] = []
            while flags.last != [] {
                let frame = try #require(await broker.frames.next { $0.opcode == .submit })
                #expect(frame.header.channel == 1)
                flags.append(frame.header.flags)
                body.writeImmutableBuffer(frame.body)
            }
            #expect(flags == [.more, .more, []])
            #expect(try Submit(body: body) == submit)
        }
        try await broker.stop()
    }

    @Test func `a client that leaves closes its channel, and the next one gets another`()
        async throws
    {
        let broker = try await FakeBroker.start()
        try await withGateway(brokerPort: broker.port) { gateway in
            for channel in 1...5 as ClosedRange<UInt16> {
                let client = try await RawClient.welcomed(at: gateway.listen)
                let hello = await broker.frames.next {
                    $0.opcode == .hello && $0.header.channel > 0
                }
                #expect(hello?.header.channel == channel)
                try await client.close()
                #expect(await broker.frames.next { $0.opcode == .close }?.header.channel == channel)
            }
        }
        try await broker.stop()
    }

    @Test func `an error that closes is passed on and ends the client, not the link`() async throws
    {
        let broker = try await FakeBroker.start { frame, output in
            guard frame.opcode == .get else { return }
            output.write(
                ErrorMessage(ClosingError.sessionTaken()), requestID: 0,
                channel: frame.header.channel)
        }
        try await withGateway(brokerPort: broker.port) { gateway in
            let bystander = try await RawClient.welcomed(at: gateway.listen)
            let client = try await RawClient.welcomed(at: gateway.listen)
            client.send { $0.write(Get(id: JobID(rawValue: 1)), requestID: 2) }
            #expect(await client.frames.next()?.errorMessage?.code == .sessionTaken)
            #expect(await client.frames.next() == nil)

            bystander.send { $0.write(Ping(bytes: [5]), requestID: 2) }
            #expect(await bystander.frames.next()?.opcode == .pong)
        }
        try await broker.stop()
    }

    @Test func `BYE ends the client's connection behind its answer`() async throws {
        let broker = try await FakeBroker.start()
        try await withGateway(brokerPort: broker.port) { gateway in
            let client = try await RawClient.welcomed(at: gateway.listen)
            client.send { $0.write(Bye(), requestID: 2) }
            #expect(await client.frames.next()?.opcode == .done)
            #expect(await client.frames.next() == nil)
        }
        try await broker.stop()
    }
}

extension WireError {
    var asMessage: ErrorMessage { ErrorMessage(self) }
}
