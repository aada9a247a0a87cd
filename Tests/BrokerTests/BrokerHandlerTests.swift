import Logging
import MartletWire
import NIOCore
import NIOEmbedded
import Testing

@testable import Broker

/// A connection of the broker without its socket and without its writer.
struct BrokerHandlerTests {
    private let channel: EmbeddedChannel
    private let inbox: Inbox
    private let handler: BrokerHandler

    /// A connection that has sent its preface, and may have four requests under way.
    init() throws {
        channel = EmbeddedChannel()
        inbox = Inbox(loop: channel.embeddedEventLoop)
        var limits = ServerLimits()
        limits.requestsInFlightMax = 4
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        handler = BrokerHandler(
            id: ConnectionID(value: 1), inbox: inbox, limits: limits, logger: logger)
        try channel.pipeline.syncOperations.addHandler(handler)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        try channel.writeInbound(ByteBuffer(bytes: Preface.bytes))
        _ = requestsHandedOver()
    }

    private func requestsHandedOver() -> [UInt64] {
        var arrivals: [Arrival] = []
        inbox.drain(into: &arrivals)
        var ids: [UInt64] = []
        for case .frames(_, let runs) in arrivals {
            for var run in runs {
                while let frame = run.readFrame() { ids.append(frame.header.requestID) }
            }
        }
        return ids
    }

    private func deliver(
        large: [ByteBuffer] = [], closed: [UInt16] = [], requestsDone: Int = 0, isLink: Bool = false
    ) {
        handler.deliver(
            Delivery(
                port: Port(
                    loop: channel.eventLoop,
                    handler: NIOLoopBound(handler, eventLoop: channel.eventLoop)),
                small: ByteBuffer(), large: large, closedChannels: closed, bytesDone: 0,
                requestsDone: requestsDone, isLink: isLink, isWelcomed: true, closes: false))
    }

    private func framesSent() throws -> [FrameHeader] {
        var headers: [FrameHeader] = []
        while var bytes = try channel.readOutbound(as: ByteBuffer.self) {
            while let frame = bytes.readFrame() { headers.append(frame.header) }
        }
        return headers
    }

    /// A message of three frames.
    private func long(_ channel: UInt16) -> ByteBuffer {
        var frames = ByteBuffer()
        frames.writeFrames(.job, requestID: 7, channel: channel, splitBytes: 100) {
            $0.writeRepeatingByte(0, count: 300)
        }
        return frames
    }

    @Test func `the rest of a long message for a channel that was closed is dropped`() throws {
        channel.isWritable = false
        deliver(large: [long(1), long(2)], isLink: true)
        #expect(try framesSent().isEmpty)
        deliver(closed: [1], isLink: true)
        channel.isWritable = true
        channel.pipeline.fireChannelWritabilityChanged()
        #expect(try framesSent().map(\.channel) == [2, 2, 2])
    }

    @Test func `the next client of a channel gets its own long messages`() throws {
        channel.isWritable = false
        deliver(large: [long(1)], isLink: true)
        deliver(large: [long(1)], closed: [1], isLink: true)
        channel.isWritable = true
        channel.pipeline.fireChannelWritabilityChanged()
        #expect(try framesSent().count == 3)
    }

    @Test func `no more requests than the limit are handed over until some are answered`() throws {
        var pings = ByteBuffer()
        for id in 1...10 { pings.write(Ping(), requestID: UInt64(id)) }
        try channel.writeInbound(pings)
        #expect(requestsHandedOver() == [1, 2, 3, 4])
        deliver(requestsDone: 1)
        #expect(requestsHandedOver() == [5])
        deliver(requestsDone: 4)
        #expect(requestsHandedOver() == [6, 7, 8, 9])
        deliver(requestsDone: 4)
        #expect(requestsHandedOver() == [10])
    }

    @Test func `waits, lists and requests without a reply are not held`() throws {
        var frames = ByteBuffer()
        for id in 1...10 {
            frames.write(
                Wait(id: JobID(rawValue: 1), milliseconds: 1_000), requestID: UInt64(id))
            frames.write(Ping(), requestID: 0)
        }
        try channel.writeInbound(frames)
        #expect(requestsHandedOver().count == 20)
    }

    @Test func `a link is not held, its clients are by their gateway`() throws {
        deliver(isLink: true)
        var pings = ByteBuffer()
        for id in 1...10 { pings.write(Ping(), requestID: UInt64(id), channel: UInt16(id)) }
        try channel.writeInbound(pings)
        #expect(requestsHandedOver().count == 10)
    }
}
