import Broker
import Foundation
import Gateway
import Logging
import NIOCore
import ServiceLifecycle
import TestSupport
import Testing

/// Runs a broker for as long as `body` takes; `body` gets its port.
func withBroker(_ body: @Sendable @escaping (Int) async throws -> Void) async throws {
    let directory = URL(filePath: TestDisk.path).appending(path: "gateway-\(UUID())")
    defer { try? FileManager.default.removeItem(at: directory) }
    var configuration = BrokerConfiguration(directory: directory.path, port: 0)
    configuration.segmentBytes = 4 << 20
    configuration.reserveBytes = 4 << 20
    configuration.drainMilliseconds = 1
    let broker = Broker(configuration, logger: .quiet)
    let service = ServiceGroup(services: [broker], logger: .quiet)
    async let served: Void = service.run()
    do {
        try await body(try #require(try await broker.address().port))
    } catch {
        await service.triggerGracefulShutdown()
        throw error
    }
    await service.triggerGracefulShutdown()
    try await served
}

/// Runs a broker and a gateway, HTTP included, for as long as `body` takes.
func withBoth(
    _ body: @Sendable @escaping (Gateway.Addresses) async throws -> Void
) async throws {
    try await withBroker { port in
        try await withGateway(
            brokerPort: port, { $0.http = .init(host: "127.0.0.1", port: 0) }, body)
    }
}
