package import Logging
package import NIOCore
import NIOPosix
package import ServiceLifecycle

/// The front door: accepts clients, checks who they are, and switches their frames to the broker and back.
///
/// It holds no state beyond who has which channel: when it dies nothing acknowledged is lost, and its clients resume their
/// sessions through another one.
package final class Gateway: Service {
    /// The addresses that were bound; they differ from the configured ones where those left something open.
    package struct Addresses: Sendable {
        /// For clients that speak the protocol.
        package let listen: SocketAddress
        /// For HTTP; `nil` when none is served.
        package let http: SocketAddress?
    }

    private let configuration: GatewayConfiguration
    private let logger: Logger
    private let group: MultiThreadedEventLoopGroup
    private let addresses: EventLoopPromise<Addresses>

    package init(configuration: GatewayConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        self.group = MultiThreadedEventLoopGroup(numberOfThreads: configuration.eventLoops)
        self.addresses = group.any().makePromise()
    }

    /// Waits until clients are accepted.
    ///
    /// - Throws: why they can't be; a port in use, for example.
    package func bound() async throws -> Addresses {
        try await addresses.futureResult.get()
    }

    package func run() async throws {}
}
