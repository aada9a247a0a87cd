import Logging
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import Broker

/// What event loops have handed to the writer.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct ArrivalTests {
    /// A connection's read buffer, which can be read into again when nobody else has it.
    private final class ReadBuffer {
        private var bytes = ByteBuffer(repeating: 0, count: 64)

        var copy: ByteBuffer { bytes }

        var isFree: Bool { bytes.modifyIfUniquelyOwned { _ in true } ?? false }
    }

    @Test func `what was read is let go in the turn that carries it out`() async throws {
        let directory = TemporaryDirectory.make()
        defer { TemporaryDirectory.remove(directory) }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let inbox = Inbox(loop: group.next())
        let ended = inbox.loop.makePromise(of: Void.self)
        let buffer = try await inbox.loop.submit {
            let loop = try BrokerLoop(
                .small(directory), inbox: inbox,
                readers: SnapshotReaders(threads: 1, logger: .critical), appends: nil,
                disk: DiskThreads(),
                logger: .critical)
            let kept = NIOLoopBound(loop, eventLoop: inbox.loop)
            ended.futureResult.whenComplete { _ in _ = kept }
            loop.start(ended)
            return NIOLoopBound(ReadBuffer(), eventLoop: inbox.loop)
        }.get()

        // The turn runs between these two.
        try await inbox.loop.submit {
            inbox.append(.frames(ConnectionID(value: 1), [buffer.value.copy]))
            #expect(!buffer.value.isFree)
        }.get()
        #expect(try await inbox.loop.submit { buffer.value.isFree }.get())

        inbox.append(.stop)
        try await ended.futureResult.get()
        try await group.shutdownGracefully()
    }
}
