import NIOCore
import NIOPosix
import Store

/// The threads that wait for the disk while the writer thread goes on: one brings turns to the log, the other
/// checkpoints to the data file.
final class DiskThreads: Sendable {
    private let log = NIOThreadPool(numberOfThreads: 1)
    private let data = NIOThreadPool(numberOfThreads: 1)

    init() {
        log.start()
        data.start()
    }

    /// Tells the loop how the write went: 0, or the system's error number.
    func write(
        _ append: Append, then loop: any EventLoop, _ body: @escaping (Int32) -> Void
    ) {
        let done = NIOLoopBound(body, eventLoop: loop)
        log.submit { _ in
            // A stopping pool still carries out what it was given: the loop waits for its word.
            let error = append.write()
            loop.execute { done.value(error) }
        }
    }

    /// Tells the loop when the checkpoint is written.
    func write(_ flush: Flush, then loop: any EventLoop, _ body: @escaping () -> Void) {
        let done = NIOLoopBound(body, eventLoop: loop)
        data.submit { _ in
            flush.write()
            loop.execute { done.value() }
        }
    }

    /// The future succeeds when nothing is being written any more.
    func stop(on loop: any EventLoop) -> EventLoopFuture<Void> {
        let stopped = [log, data].map { pool in
            let stopped = loop.makePromise(of: Void.self)
            pool.shutdownGracefully { error in
                if let error { stopped.fail(error) } else { stopped.succeed() }
            }
            return stopped.futureResult
        }
        return .andAllSucceed(stopped, on: loop)
    }
}
