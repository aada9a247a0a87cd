import ArgumentParser
import Logging
import ServiceLifecycle

/// `martlet gateway`: the front door.
struct GatewayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway",
        abstract: "Run a gateway: the front door to a broker, for clients, workers and HTTP.",
        discussion: """
            A gateway holds no state: run as many as you like, stop any at any time.

            Example:
              martlet gateway --broker 10.0.0.5:7411 --listen 0.0.0.0:7410 --token-file /etc/martlet/token
            """)

    @Option(help: ArgumentHelp("The broker (MARTLET_BROKER).", valueName: "host:port"))
    var broker: String?

    @Option(
        help: ArgumentHelp(
            "File that holds the bearer token to show to the broker (MARTLET_BROKER_TOKEN_FILE).",
            valueName: "file"))
    var brokerTokenFile: String?

    @OptionGroup var door: GatewayOptions
    @OptionGroup var log: LogOptions
    @OptionGroup var configuration: ConfigurationOptions

    func run() async throws {
        let own: [Settings.Key: String?] = [.broker: broker, .brokerTokenFile: brokerTokenFile]
        let settings = try await Settings(
            given: own.merging(door.given) { own, _ in own }.merging(log.given) { own, _ in own },
            file: configuration.config)
        guard let address = try settings.value(.broker, as: ListenAddress.self) else {
            throw ValidationError("a gateway needs --broker HOST:PORT (or MARTLET_BROKER).")
        }
        let logger = try LogOptions.logger(settings)
        let token = try settings.string(.brokerTokenFile).map { try TokenFile.read($0) }
        let service = GatewayService(
            configuration: try GatewayOptions.configuration(
                settings, broker: address, brokerToken: token ?? ""),
            logger: logger
        ) { addresses in
            ReadyLine.write("gateway", addresses + ["broker \(address)"])
        }
        try await ServerGroup.run([service], logger: logger)
    }
}
