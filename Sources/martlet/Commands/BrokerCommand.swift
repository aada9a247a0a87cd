import ArgumentParser
import Broker
import Gateway
import Logging
import MartletWire

/// `martlet broker`: the queue itself.
struct BrokerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "broker",
        abstract: "Run a broker: the durable queue. One for each data directory.",
        discussion: """
            Without --token-file, whoever reaches its port may do everything: keep it on a
            trusted network, with gateways in front.

            Example:
              martlet broker --data /var/lib/martlet --listen 10.0.0.5:7411
            """)

    @OptionGroup var broker: BrokerOptions

    @Option(
        help: ArgumentHelp(
            "Where gateways, clients and workers connect (MARTLET_LISTEN; default 127.0.0.1:7411).",
            valueName: "host:port"))
    var listen: String?

    @Option(
        help: ArgumentHelp(
            "File with the bearer tokens of which gateways and clients must show one (MARTLET_TOKEN_FILE).",
            valueName: "file"))
    var tokenFile: String?

    @OptionGroup var log: LogOptions
    @OptionGroup var configuration: ConfigurationOptions

    func run() async throws {
        let own: [Settings.Key: String?] = [.listen: listen, .tokenFile: tokenFile]
        let settings = try await Settings(
            given: own.merging(broker.given) { own, _ in own }.merging(log.given) { own, _ in own },
            file: configuration.config)
        guard let directory = settings.string(.data) else {
            throw ValidationError("a broker needs --data DIR (or MARTLET_DATA).")
        }
        let address =
            try settings.value(.listen, as: ListenAddress.self)
            ?? ListenAddress(host: "127.0.0.1", port: 7411)
        let logger = try LogOptions.logger(settings)
        var configuration = broker.configuration(directory: directory, listen: address)
        if let file = settings.string(.tokenFile) {
            configuration.tokens = try AccessTokens(file: file)
        }
        let service = BrokerService(broker: Broker(configuration, logger: logger)) { url in
            ReadyLine.write("broker", [url, "data \(directory)"])
        }
        try await ServerGroup.run([service], logger: logger)
    }
}
