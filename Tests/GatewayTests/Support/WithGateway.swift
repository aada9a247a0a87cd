import Gateway
import Logging
import MartletWire
import NIOCore

/// Runs a gateway in front of a broker's port on ports of its own, for as long as `body` takes.
func withGateway(
    brokerPort: Int, _ change: (inout GatewayConfiguration) -> Void = { _ in },
    _ body: @Sendable @escaping (Gateway.Addresses) async throws -> Void
) async throws {
    var configuration = GatewayConfiguration(
        broker: .init(host: "127.0.0.1", port: brokerPort))
    configuration.listen = .init(host: "127.0.0.1", port: 0)
    configuration.http = nil
    configuration.eventLoops = 1
    change(&configuration)
    let gateway = Gateway(configuration: configuration, logger: .quiet)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await gateway.run() }
        let addresses = try await gateway.bound()
        do {
            try await body(addresses)
        } catch {
            group.cancelAll()
            throw error
        }
        group.cancelAll()
        while let result = await group.nextResult() {
            if case .failure(let error) = result, !(error is CancellationError) { throw error }
        }
    }
}

extension Logger {
    static var quiet: Logger {
        Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    }
}

extension Frame {
    var opcode: Opcode? { Opcode(rawValue: header.opcode) }

    var errorMessage: ErrorMessage? {
        opcode == .error ? try? ErrorMessage(body: body) : nil
    }
}
