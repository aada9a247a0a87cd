import MartletWire
import NIOCore
import NIOPosix

@testable import Gateway

/// Runs the HTTP side alone in front of a job server, for as long as `body` takes.
func withHTTP(
    _ server: any JobServer, tokens: AccessTokens = .none, limits: GatewayLimits = GatewayLimits(),
    isReady: @escaping @Sendable () -> Bool = { true },
    _ body: @Sendable @escaping (SocketAddress) async throws -> Void
) async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let bound = group.any().makePromise(of: SocketAddress?.self)
    let front = HTTPFront(
        address: .init(host: "127.0.0.1", port: 0), tokens: tokens, limits: limits, server: server,
        isReady: isReady, group: group, logger: .quiet, bound: bound)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask {
            do { try await front.run() } catch { bound.fail(error) }
        }
        guard let address = try await bound.futureResult.get() else { return }
        defer { tasks.cancelAll() }
        try await body(address)
    }
}
