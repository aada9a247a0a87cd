import Logging
import MartletWire
import NIOCore
import NIOPosix
import Store
import Synchronization

/// Whether a channel of a link is still that of the client whose page is read: what comes on it afterwards is the next
/// client's.
final class ChannelLease: Sendable {
    private let ended = Atomic(false)

    var isOver: Bool { ended.load(ordering: .acquiring) }

    func end() { ended.store(true, ordering: .releasing) }
}

/// Reads pages from snapshots on a few threads of their own, and sends them without the writer thread.
final class SnapshotReaders: Sendable {
    /// Something to be read and answered.
    typealias Read = @Sendable (Store) -> Void

    /// Readings that may wait at a time, of all clients.
    static let waitingMax = 10_000

    private let pool: NIOThreadPool
    private let waiting = Atomic<Int>(0)
    private let logger: Logger

    init(threads: Int, logger: Logger) {
        pool = NIOThreadPool(numberOfThreads: threads)
        self.logger = logger
        pool.start()
    }

    /// Drops what waits to be read. The future succeeds when nothing is being read any more.
    func stop(on loop: any EventLoop) -> EventLoopFuture<Void> {
        let stopped = loop.makePromise(of: Void.self)
        pool.shutdownGracefully { error in
            if let error { stopped.fail(error) } else { stopped.succeed() }
        }
        return stopped.futureResult
    }

    /// Readings that were started and are not done.
    var waitingCount: Int { waiting.load(ordering: .relaxed) }

    /// Makes a reading of `body`, whose result goes to the client unless that has left its channel by then.
    func read(
        port: Port, channel: UInt16, requestID: UInt64, lease: ChannelLease,
        _ body: @escaping @Sendable (borrowing Snapshot) throws -> some Message
    ) -> Read {
        { [logger] store in
            guard !lease.isOver else { return }
            var buffer = ByteBuffer()
            do {
                let message = try store.snapshot { snapshot in try body(snapshot) }
                buffer.write(message, requestID: requestID, channel: channel)
            } catch {
                let refusal = SnapshotReaders.refusal(of: error, logger)
                buffer.write(ErrorMessage(refusal), requestID: requestID, channel: channel)
            }
            let isLong = buffer.readableBytes > Limits.splitBytes
            let delivery = Delivery(
                port: port, small: isLong ? ByteBuffer() : buffer, large: isLong ? [buffer] : [],
                bytesDone: 0, isWelcomed: false, closes: false)
            port.loop.execute {
                if !lease.isOver { port.handler.value.deliver(delivery) }
            }
        }
    }

    func start(_ read: @escaping Read, from store: Store) {
        waiting.add(1, ordering: .relaxed)
        pool.submit { state in
            defer { self.waiting.subtract(1, ordering: .relaxed) }
            guard case .active = state else { return }
            read(store)
        }
    }

    private static func refusal(of error: any Error, _ logger: Logger) -> WireError {
        if let error = error as? WireError { return error }
        logger.error("a snapshot could not be read", metadata: ["error": "\(error)"])
        return WireError(.internal, "the page could not be read: \(error)")
    }
}
