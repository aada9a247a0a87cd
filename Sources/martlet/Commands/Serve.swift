import ArgumentParser
import Broker
import Logging
import MartletWire
import ServiceLifecycle

/// `martlet serve`: everything in one process.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Run a broker and a gateway in one process: for development and small installations.",
        discussion: """
            Example:
              martlet serve --data /var/lib/martlet --listen 0.0.0.0:7410
            """)

    @OptionGroup var broker: BrokerOptions
    @OptionGroup var door: GatewayOptions
    @OptionGroup var log: LogOptions
    @OptionGroup var configuration: ConfigurationOptions

    func run() async throws {
        let settings = try await Settings(
            given: broker.given.merging(door.given) { own, _ in own }
                .merging(log.given) { own, _ in own },
            file: configuration.config)
        let directory = settings.string(.data) ?? "./martlet-data"
        let logger = try LogOptions.logger(settings)
        // The broker's own port is for this gateway alone: any free one, on the loopback, where
        // whoever does not know this process's secret is turned away.
        let secret = Self.makeSecret()
        var inner = broker.configuration(
            directory: directory, listen: ListenAddress(host: "127.0.0.1", port: 0))
        inner.tokens = AccessTokens([secret])
        let broker = Broker(inner, logger: logger)
        // Where the gateway listens is checked before anything is started.
        _ = try GatewayOptions.configuration(
            settings, broker: ListenAddress(host: "", port: 0), brokerToken: secret)
        let front = FrontService(broker: broker) { address in
            GatewayService(
                configuration: try GatewayOptions.configuration(
                    settings, broker: address, brokerToken: secret),
                logger: logger
            ) { urls in
                ReadyLine.write("broker and gateway", urls + ["data \(directory)"])
            }
        }
        try await ServerGroup.run([broker, front], logger: logger)
    }

    /// 256 random bits, as text. Never stored, never logged.
    private static func makeSecret() -> String {
        var random = SystemRandomNumberGenerator()
        return (0..<4).map { _ in String(random.next() as UInt64, radix: 16) }.joined(
            separator: "-")
    }
}

/// A gateway in front of a broker of this process: begins once that is ready, and is shut down
/// before it.
private struct FrontService: Service {
    let broker: Broker
    let gateway: @Sendable (ListenAddress) throws -> GatewayService

    func run() async throws {
        // When the broker cannot start it ends the group and says why; then there is nothing to do
        // here.
        guard let address = try? await broker.address() else { return try await gracefulShutdown() }
        try await gateway(ListenAddress(address)).run()
    }
}
