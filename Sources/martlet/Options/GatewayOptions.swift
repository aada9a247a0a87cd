import ArgumentParser
import Gateway
import MartletWire

/// Where a gateway listens, and for whom.
struct GatewayOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where clients and workers connect (MARTLET_LISTEN; default 127.0.0.1:7410).",
            valueName: "host:port"))
    var listen: String?

    @Option(
        help: ArgumentHelp(
            "Where HTTP is served (MARTLET_HTTP; default 127.0.0.1:7480).", valueName: "host:port"))
    var http: String?

    @Option(
        help: ArgumentHelp(
            "File that holds the bearer token that clients must show (MARTLET_TOKEN_FILE).",
            valueName: "file"))
    var tokenFile: String?

    var given: [Settings.Key: String?] {
        [.listen: listen, .http: http, .tokenFile: tokenFile]
    }

    static func configuration(
        _ settings: Settings, broker: ListenAddress, brokerToken: String
    ) throws -> GatewayConfiguration {
        var configuration = GatewayConfiguration(broker: .init(broker))
        configuration.brokerToken = brokerToken
        if let listen = try settings.value(.listen, as: ListenAddress.self) {
            configuration.listen = .init(listen)
        }
        if let http = try settings.value(.http, as: ListenAddress.self) {
            configuration.http = .init(http)
        }
        if let file = settings.string(.tokenFile) {
            configuration.tokens = try AccessTokens(file: file)
        }
        return configuration
    }
}

extension GatewayConfiguration.Address {
    init(_ address: ListenAddress) {
        self.init(host: address.host, port: address.port)
    }
}
