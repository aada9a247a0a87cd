import Foundation
package import MartletWire
public import NIOCore
import NIOPosix

extension MartletClient {
    /// What a client may be told beside where its server is. The defaults suit most programs.
    public struct Configuration: Sendable {
        /// Name and version of the program, for the server's log; at most 255 bytes.
        public var name = "martlet-swift"
        /// Bearer token; nil when the server asks for none.
        public var token: String?
        /// Other front doors of the same installation: asked in turn when the client's own can't be
        /// reached.
        public var alternatives: [MartletEndpoint] = []
        /// How long a connection may take to stand.
        public var connectTimeout: Duration = .seconds(2)
        /// How long the answer to one message may take, reconnecting and repeating included.
        /// Waiting for a job's result has a timeout of its own.
        public var requestTimeout: Duration = .seconds(30)
        /// How long submissions under way may take to end at a graceful shutdown.
        public var shutdownTimeout: Duration = .seconds(10)
        /// Upper bounds of the random delay between attempts to connect: of the first one, and of
        /// all.
        public var reconnectDelay: ClosedRange<Duration> = .milliseconds(100) ... .seconds(10)
        /// While there is no server, calls wait for one until they time out. Otherwise they fail
        /// with the first attempt to connect, as a tool on a command line wants it, unless there
        /// was a server before.
        public var waitsForServer = true
        /// What a submission's acknowledgement is worth, unless its options say otherwise.
        public var durability = JobOptions.Durability.disk
        /// How payloads are compressed.
        public var compression = Compression()
        /// How payloads of some job types are compressed, by the type.
        public var compressionByType: [String: Compression] = [:]
        /// The client lives on one event loop of this group.
        public var eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton

        public init() {}
    }
}

extension MartletClient.Configuration {
    func compression(of type: String) -> MartletClient.Compression {
        compressionByType.isEmpty ? compression : compressionByType[type] ?? compression
    }

    package var hello: Hello {
        Hello(
            client: name.truncated(toUTF8Bytes: Int(UInt8.max)), token: token ?? "",
            processID: UInt32(bitPattern: ProcessInfo.processInfo.processIdentifier))
    }

    package var reconnectBackoff: Backoff {
        Backoff(base: reconnectDelay.lowerBound, cap: reconnectDelay.upperBound)
    }
}
