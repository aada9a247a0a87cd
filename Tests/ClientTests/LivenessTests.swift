import Logging
import MartletWire
import NIOCore
import NIOEmbedded
import TestSupport
import Testing

@testable import MartletClient

/// A connection whose clock and whose bytes are in the test's hands.
@Suite(.fewAtATime, .timeLimit(.minutes(1))) struct LivenessTests {
    private let channel = NIOAsyncTestingChannel()

    @Test func `an idle connection says PING after a third of the idle time, again and again`()
        async throws
    {
        let connection = try await open()
        for _ in 0..<3 {
            await channel.testingEventLoop.advanceTime(by: .seconds(20))
            let frame = try await sent()
            #expect(frame.header.opcode == Opcode.ping.rawValue)
            #expect(frame.header.requestID != 0)
            try await answer(Pong(), id: frame.header.requestID)
        }
        #expect(await connection.closeReason == nil)
    }

    @Test func `what is sent puts the PING off`() async throws {
        let connection = try await open()
        await channel.testingEventLoop.advanceTime(by: .seconds(15))
        await connection.send(Drain())
        await channel.testingEventLoop.advanceTime(by: .seconds(6))
        #expect(try await sent().header.opcode == Opcode.drain.rawValue)
        #expect(try await channel.readOutbound(as: ByteBuffer.self) == nil)
        await channel.testingEventLoop.advanceTime(by: .seconds(14))
        #expect(try await sent().header.opcode == Opcode.ping.rawValue)
    }

    @Test func `a silent server is given up after the idle time`() async throws {
        let connection = try await open()
        await channel.testingEventLoop.advanceTime(by: .seconds(59))
        #expect(await connection.closeReason == nil)
        await channel.testingEventLoop.advanceTime(by: .seconds(1))
        let reason = await connection.waitUntilClosed()
        #expect(reason.code == .connectionLost)
        #expect(reason.message.contains("silent"))
    }

    @Test func `a request ends at its deadline, also one that is earlier than those before`()
        async throws
    {
        let connection = try await open()
        let now = channel.testingEventLoop.now
        let later = Task { try await ask(connection, until: now + .seconds(10)) }
        _ = try await sent()
        let sooner = Task { try await ask(connection, until: now + .seconds(5)) }
        _ = try await sent()
        await channel.testingEventLoop.advanceTime(by: .seconds(5))
        #expect(await failure(of: sooner)?.code == .timeout)
        await channel.testingEventLoop.advanceTime(by: .seconds(5))
        #expect(await failure(of: later)?.code == .timeout)
    }

    // MARK: Helpers

    /// A connection that was greeted with an idle time of 60 seconds.
    private func open() async throws -> WireConnection {
        try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 7410))
        async let opening = WireConnection.open(
            channel, to: .martlet(host: "127.0.0.1"), hello: Hello(client: "test"),
            timeout: .seconds(2),
            logger: Logger(label: "test"), onPush: { _ in })
        var greeting = try await channel.waitForOutboundWrite(as: ByteBuffer.self)
        greeting.moveReaderIndex(forwardBy: Preface.byteCount)
        let frame = greeting.readFrame()
        let hello = try #require(frame)
        try await answer(
            Welcome(session: 1, secret: 2, isResumed: false, serverTime: 0, server: "test"),
            id: hello.header.requestID)
        return try await opening
    }

    private func sent() async throws -> Frame {
        var bytes = try await channel.waitForOutboundWrite(as: ByteBuffer.self)
        let frame = bytes.readFrame()
        return try #require(frame)
    }

    private func answer(_ message: some Message, id: UInt64) async throws {
        var buffer = ByteBuffer()
        buffer.write(message, requestID: id)
        try await channel.writeInbound(buffer)
    }

    private func ask(_ connection: WireConnection, until deadline: NIODeadline) async throws
        -> JobInfo
    {
        try await connection.request(
            Get(id: JobID(rawValue: 1)), expecting: JobInfo.self, deadline: deadline)
    }
}
