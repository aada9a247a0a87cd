import Broker
import ServiceLifecycle

/// A broker that says when it is ready.
struct BrokerService: Service {
    let broker: Broker
    /// Called once with the bound address, as a URL.
    let ready: @Sendable (String) -> Void

    func run() async throws {
        try await withThrowingTaskGroup { group in
            group.addTask { try await broker.run() }
            // When this fails, so does the broker, and says why better.
            if let address = try? await broker.address() { ready(address.url(scheme: "martlet")) }
            try await group.waitForAll()
        }
    }
}
