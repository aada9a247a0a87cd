import Hummingbird
import HummingbirdCore
import Logging
import MartletWire
import NIOCore
import ServiceLifecycle

/// The gateway's HTTP side: the same jobs and queues for whoever has `curl` and nothing else.
struct HTTPFront: Service {
    typealias Context = BasicRequestContext

    let address: GatewayConfiguration.Address
    let tokens: AccessTokens
    let limits: GatewayLimits
    let server: any JobServer
    let isReady: @Sendable () -> Bool
    let group: any EventLoopGroup
    let logger: Logger
    /// Told the address that was bound.
    let bound: EventLoopPromise<SocketAddress?>

    func run() async throws {
        let router = router()
        let paths = KnownPaths(router.routes)
        let application = Application(
            responder: MethodResponder(base: router.buildResponder(), paths: paths),
            server: .http1(configuration: connections),
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: address.port), serverName: "martlet",
                availableConnectionsDelegate: MaximumAvailableConnections(limits.connectionsMax)),
            onServerRunning: { bound.succeed($0.localAddress) },
            eventLoopGroupProvider: .shared(group),
            logger: logger)
        do {
            try await application.run()
        } catch let error as IOError {
            throw GatewayFailure.cannotListen(on: address, error)
        }
    }

    private var connections: HTTP1Channel.Configuration {
        let (limits, logger) = (limits, logger)
        return HTTP1Channel.Configuration(
            additionalChannelHandlers: [TransferHandler(limits: limits, logger: logger)],
            idleTimeout: limits.httpIdleTimeout,
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: limits.httpHeaderBytesMax,
                maxHeaderListSize: limits.httpHeaderBytesMax))
    }

    /// Health checks need no token: whoever asks them has none.
    func router() -> Router<Context> {
        let router = Router(context: Context.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: ProblemMiddleware())
        HealthRoutes<Context>(isReady: isReady).add(to: router)
        let guarded = router.group().add(middleware: TokenMiddleware(tokens: tokens))
        let budget = UploadBudget(bytesMax: limits.httpBodiesBytesAll)
        SubmissionRoutes<Context>(
            server: server, merger: SubmissionMerger(server: server), budget: budget,
            limits: limits
        )
        .add(to: guarded)
        JobRoutes<Context>(server: server, limits: limits).add(to: guarded)
        JobChangeRoutes<Context>(server: server, budget: budget).add(to: guarded)
        JobListRoutes<Context>(server: server).add(to: guarded)
        ActionRoutes<Context>(server: server, limits: limits).add(to: guarded)
        EventRoutes<Context>(server: server, limits: limits).add(to: guarded)
        QueueRoutes<Context>(server: server).add(to: guarded)
        return router
    }
}
