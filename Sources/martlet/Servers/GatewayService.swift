import Gateway
import Logging
import NIOCore
import ServiceLifecycle

/// A gateway that says when it is ready.
struct GatewayService: Service {
    let configuration: GatewayConfiguration
    let logger: Logger
    /// Called once with the bound addresses, as URLs.
    let ready: @Sendable ([String]) -> Void

    func run() async throws {
        let gateway = Gateway(configuration: configuration, logger: logger)
        try await withThrowingTaskGroup { group in
            group.addTask {
                do {
                    try await gateway.run()
                } catch {
                    throw ListenFailure(error, configuration)
                }
            }
            // When this fails, so does the gateway, and says why better.
            if let bound = try? await gateway.bound() { ready(bound.urls) }
            try await group.waitForAll()
        }
    }
}

extension ListenFailure {
    init(_ cause: any Error, _ configuration: GatewayConfiguration) {
        let addresses = [configuration.listen] + (configuration.http.map { [$0] } ?? [])
        self.init(
            addresses: addresses.map { ListenAddress(host: $0.host, port: $0.port) }, cause: cause)
    }
}

extension Gateway.Addresses {
    fileprivate var urls: [String] {
        [listen.url(scheme: "martlet")] + (http.map { [$0.url(scheme: "http")] } ?? [])
    }
}

extension SocketAddress {
    /// `martlet://127.0.0.1:7410`
    func url(scheme: String) -> String { "\(scheme)://\(ListenAddress(self))" }
}

extension ListenAddress {
    init(_ address: SocketAddress) {
        self.init(host: address.ipAddress ?? "localhost", port: address.port ?? 0)
    }
}
