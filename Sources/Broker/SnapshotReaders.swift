import Engine
import Logging
import MartletWire
import NIOCore
import NIOPosix
import Store

/// Reads pages from snapshots on a few threads of their own, and sends them without the writer thread.
final class SnapshotReaders: Sendable {
    private let pool: NIOThreadPool
    private let logger: Logger

    init(threads: Int, logger: Logger) {
        pool = NIOThreadPool(numberOfThreads: threads)
        self.logger = logger
        pool.start()
    }

    func stop() async throws { try await pool.shutdownGracefully() }

    func list(
        _ request: JobListRequest, from store: Store, replyTo port: Port, _ header: FrameHeader
    ) {
        pool.submit { [logger] state in
            guard case .active = state else { return }
            var buffer = ByteBuffer()
            do {
                let page = try store.snapshot { snapshot in try JobInspector.list(request, snapshot)
                }
                buffer.write(JobPage(page), requestID: header.requestID, channel: header.channel)
            } catch {
                logger.error("a list failed", metadata: ["error": "\(error)"])
                let refusal = WireError(.internal, "the list could not be read: \(error)")
                buffer.write(
                    ErrorMessage(refusal), requestID: header.requestID, channel: header.channel)
            }
            let isLong = buffer.readableBytes > Limits.splitBytes
            let delivery = Delivery(
                port: port, small: isLong ? ByteBuffer() : buffer, large: isLong ? [buffer] : [],
                bytesDone: 0, isWelcomed: false, closes: false)
            port.loop.execute { port.handler.value.deliver(delivery) }
        }
    }
}

extension JobPage {
    fileprivate init(_ page: JobListPage) {
        self.init(
            asOf: page.asOf, jobs: page.jobs.map { JobInfo($0.job, queue: $0.queue) },
            cursor: page.next.map { Array(JobID(rawValue: $0).description.utf8) } ?? [])
    }
}
