package import Logging
import MartletClient
package import NIOCore
import NIOPosix
import ServiceLifecycle

/// The front door: accepts clients, checks who they are, and switches their frames to the broker and back.
///
/// It holds no state beyond who has which channel: when it dies nothing acknowledged is lost, and
/// its clients resume their sessions through another one.
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
    private let listenAddress: EventLoopPromise<SocketAddress>
    private let httpAddress: EventLoopPromise<SocketAddress?>

    package init(configuration: GatewayConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        // Not on the gateway's own event loops: these may be asked for when those are gone.
        self.listenAddress = MultiThreadedEventLoopGroup.singleton.any().makePromise()
        self.httpAddress = MultiThreadedEventLoopGroup.singleton.any().makePromise()
    }

    deinit {
        ended(with: CancellationError())
    }

    /// Waits until clients are accepted.
    ///
    /// - Throws: why they can't be; a port in use, for example.
    package func bound() async throws -> Addresses {
        Addresses(
            listen: try await listenAddress.futureResult.get(),
            http: try await httpAddress.futureResult.get())
    }

    /// Serves until its task is cancelled, or until a graceful shutdown has sent the clients elsewhere. Runs once.
    package func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: configuration.eventLoops)
        do {
            try await runServices(on: group)
        } catch {
            ended(with: error)
            try await group.shutdownGracefully()
            throw error
        }
        ended(with: CancellationError())
        try await group.shutdownGracefully()
    }

    /// Started in order, stopped in the reverse one: HTTP before the client that it asks through.
    private func runServices(on group: MultiThreadedEventLoopGroup) async throws {
        let census = Census(links: configuration.eventLoops)
        var services: [any Service] = [
            Switchboard(
                configuration: configuration, group: group, census: census, logger: logger,
                bound: listenAddress)
        ]
        if let address = configuration.http {
            let client = brokerClient()
            services += [client, httpFront(at: address, on: group, client: client, census: census)]
        } else {
            httpAddress.succeed(nil)
        }
        var settings = ServiceGroupConfiguration(services: services, logger: logger)
        settings.maximumGracefulShutdownDuration = configuration.limits.shutdownTimeout
        settings.maximumCancellationDuration = .seconds(20)
        try await ServiceGroup(configuration: settings).run()
    }

    private func brokerClient() -> MartletClient {
        var settings = MartletClient.Configuration()
        settings.name = GatewayConfiguration.name
        settings.token = configuration.brokerToken
        settings.requestTimeout = .nanoseconds(configuration.limits.httpRequestTimeout.nanoseconds)
        settings.reconnectDelay =
            .nanoseconds(configuration.limits.reconnectDelayMin.nanoseconds)
            ... .nanoseconds(configuration.limits.reconnectDelayMax.nanoseconds)
        return MartletClient(
            .martlet(host: configuration.broker.host, port: configuration.broker.port),
            configuration: settings, logger: logger)
    }

    private func httpFront(
        at address: GatewayConfiguration.Address, on group: MultiThreadedEventLoopGroup,
        client: MartletClient, census: Census
    ) -> HTTPFront {
        HTTPFront(
            address: address, tokens: configuration.tokens, limits: configuration.limits,
            server: BrokerJobServer(client: client), isReady: { census.isReady }, group: group,
            logger: logger, bound: httpAddress)
    }

    /// Whoever still waits for addresses learns that there will be none.
    private func ended(with error: any Error) {
        listenAddress.fail(error)
        httpAddress.fail(error)
    }
}
