import Foundation
import MartletClient
import MartletWire
public import NIOCore
import NIOPosix

extension MartletWorker {
    /// What a worker may be told beside its queues and handlers. The defaults suit most programs.
    public struct Configuration: Sendable {
        /// Name and version of the program, for the server's log; at most 255 bytes.
        public var name = "martlet-swift-worker"
        /// Bearer token; nil when the server asks for none.
        public var token: String?
        /// How long a connection may take to stand.
        public var connectTimeout: Duration = .seconds(2)
        /// Upper bounds of the random delay between attempts to connect: of the first one, and of all.
        public var reconnectDelay: ClosedRange<Duration> = .milliseconds(100) ... .seconds(10)
        /// A worker that starts before its server waits for it; otherwise it ends with the first
        /// attempt, as a tool on a command line wants it. Once it has been connected it always
        /// connects again.
        public var waitsForServer = true
        /// Lease of each job, 1 second … 12 hours; nil: the server's default. It is extended at a
        /// third of its length for as long as the job is held, so it need not cover a handler's
        /// running time: it is how soon a worker that hangs or vanished is noticed.
        public var lease: Duration?
        /// How long a handler may run; then it is cancelled, and the attempt has failed. nil: as long as it likes.
        public var timeout: Duration?
        /// Jobs fetched ahead for each slot while handlers take less than a second on average; 0: none.
        public var prefetch = 1
        /// Bytes of unfinished jobs' payloads in this process, for each queue. A larger single job is taken alone.
        public var payloadBytesMax = 64 << 20
        /// Results from this many bytes on are compressed when it makes them smaller by a sixteenth; nil: none is.
        public var compressesFrom: Int? = 256
        /// How long handlers may go on after a graceful shutdown began, before they are cancelled and their jobs
        /// given back.
        public var drainTimeout: Duration = .seconds(30)
        /// What cancelled handlers get to return in, before the worker says goodbye without them.
        public var cancelTimeout: Duration = .seconds(5)
        /// The connection lives on one event loop of this group.
        public var eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton

        public init() {}
    }
}

extension MartletWorker.Configuration {
    /// - Parameter session: the one to resume; zeros for a new one.
    func hello(_ session: (id: UInt64, secret: UInt64)) -> Hello {
        Hello(
            client: name.truncated(toUTF8Bytes: Int(UInt8.max)), token: token ?? "",
            session: session.id, secret: session.secret,
            host: ProcessInfo.processInfo.hostName.truncated(toUTF8Bytes: Limits.hostBytesMax),
            processID: UInt32(bitPattern: ProcessInfo.processInfo.processIdentifier))
    }

    var reconnectBackoff: Backoff {
        Backoff(base: reconnectDelay.lowerBound, cap: reconnectDelay.upperBound)
    }

    var settings: WorkerSettings {
        var settings = WorkerSettings()
        settings.creditBytes = UInt32(clamping: payloadBytesMax)
        settings.leaseMilliseconds =
            lease.map { UInt32(clamping: Int64($0 / .milliseconds(1))) } ?? 0
        settings.timeout = timeout.map { TimeAmount($0) }
        settings.drainTimeout = TimeAmount(drainTimeout)
        settings.cancelTimeout = TimeAmount(cancelTimeout)
        return settings
    }
}
