import MartletClient
import MartletWire
import NIOCore
import NIOPosix
import TestSupport
import Testing

/// What a gateway relies on.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct LinkTests {
    private typealias Raw = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    private func connect(to broker: BrokerHarness) async throws -> Raw {
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: broker.endpoint.host, port: broker.endpoint.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel(wrappingChannelSynchronously: channel)
                }
            }
    }

    @Test func `no page of a closed channel comes behind the fence`() async throws {
        try await BrokerHarness.run { broker in
            try await connect(to: broker).executeThenClose { inbound, outbound in
                var splitter = FrameSplitter(
                    expectsPreface: false, frameBytesMax: Limits.frameBytesMax)
                var frames = inbound.makeAsyncIterator()
                var late: [Frame] = []
                var hello = ByteBuffer(bytes: Preface.bytes)
                hello.write(Hello(client: "test/1", isLink: true), requestID: 1)
                try await outbound.write(hello)
                for round: UInt64 in 1...20 {
                    // The page waits for the checkpoint of the turn that closes the channel.
                    var requests = ByteBuffer()
                    requests.write(Hello(client: "test/1"), requestID: 1, channel: 1)
                    requests.write(Submit("q", ["x"]), requestID: 2, channel: 1)
                    requests.write(List(limit: 10, isFresh: true), requestID: 3, channel: 1)
                    requests.write(Close(), requestID: 0, channel: 1)
                    requests.write(Ping(), requestID: 2 * round)
                    requests.write(List(limit: 10, isFresh: true), requestID: 2 * round + 1)
                    try await outbound.write(requests)
                    var isFencePassed = false
                    reading: while let bytes = try await frames.next() {
                        splitter.append(bytes)
                        while var run = try splitter.nextRun() {
                            while let frame = run.readFrame() {
                                let (channel, id) = (frame.header.channel, frame.header.requestID)
                                if channel == 0, id == 2 * round { isFencePassed = true }
                                if channel == 1, isFencePassed { late.append(frame) }
                                if channel == 0, id == 2 * round + 1 { break reading }
                            }
                        }
                    }
                }
                #expect(late.isEmpty)
            }
        }
    }
}
