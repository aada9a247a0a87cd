import NIOCore
import NIOPosix
import Store

/// The thread that writes turns to the log, while the writer thread applies the next.
final class LogWriter: Sendable {
    private let pool = NIOThreadPool(numberOfThreads: 1)

    init() { pool.start() }

    /// Tells the loop how the write went: 0, or the system's error number.
    func write(
        _ append: Append, then loop: any EventLoop, _ body: @escaping (Int32) -> Void
    ) {
        let done = NIOLoopBound(body, eventLoop: loop)
        pool.submit { _ in
            // A stopping pool still carries out what it was given: the loop waits for its word.
            let error = append.write()
            loop.execute { done.value(error) }
        }
    }

    /// The future succeeds when nothing is being written any more.
    func stop(on loop: any EventLoop) -> EventLoopFuture<Void> {
        let stopped = loop.makePromise(of: Void.self)
        pool.shutdownGracefully { error in
            if let error { stopped.fail(error) } else { stopped.succeed() }
        }
        return stopped.futureResult
    }
}
