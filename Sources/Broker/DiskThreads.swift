import NIOCore
import NIOPosix
import Store

/// The threads that wait for the disk while the writer thread goes on: one for each turn on its way to the log that the
/// kernel does not write by itself, another that brings checkpoints to the data file.
final class DiskThreads: Sendable {
    private let log: NIOThreadPool?
    private let data: NIOThreadPool?

    /// - Parameter areNone: whether the caller's thread does both instead.
    init(areNone: Bool = false) {
        log = areNone ? nil : NIOThreadPool(numberOfThreads: Store.commitsMax)
        data = areNone ? nil : NIOThreadPool(numberOfThreads: 1)
        log?.start()
        data?.start()
    }

    /// Whether there are any.
    var areThere: Bool { log != nil }

    /// Tells the loop how the write went: 0, or the system's error number.
    func write(
        _ append: Append, then loop: any EventLoop, _ body: @escaping (Int32) -> Void
    ) {
        let done = NIOLoopBound(body, eventLoop: loop)
        DiskThreads.carryOut(on: log) {
            let error = append.write()
            loop.execute { done.value(error) }
        }
    }

    /// Tells the loop when the checkpoint is written.
    func write(_ flush: Flush, then loop: any EventLoop, _ body: @escaping () -> Void) {
        let done = NIOLoopBound(body, eventLoop: loop)
        DiskThreads.carryOut(on: data) {
            flush.write()
            loop.execute { done.value() }
        }
    }

    private static func carryOut(on pool: NIOThreadPool?, _ body: @escaping @Sendable () -> Void) {
        guard let pool else { return body() }
        // A stopping pool still carries out what it was given: the loop waits for its word.
        pool.submit { _ in body() }
    }

    /// The future succeeds when nothing is being written any more.
    func stop(on loop: any EventLoop) -> EventLoopFuture<Void> {
        let stopped = [log, data].compactMap(\.self).map { pool in
            let stopped = loop.makePromise(of: Void.self)
            pool.shutdownGracefully { error in
                if let error { stopped.fail(error) } else { stopped.succeed() }
            }
            return stopped.futureResult
        }
        return .andAllSucceed(stopped, on: loop)
    }
}
