import Broker
public import Logging
public import MartletClient
public import MartletWorker
import NIOCore

/// Runs a broker, a worker with these handlers and a client for as long as `body` takes.
///
/// - Parameters:
///   - queues: how many handlers may run at a time, for each queue; nil: 4 for `default` and for
///     each queue that the handlers' types name.
///   - logger: by default, only what is critical is logged.
/// - Throws: what `body` throws, and `MartletError` when the broker can't be started.
public func withMartlet<Result: Sendable>(
    handlers: [Handler] = [], queues: [String: Int]? = nil, logger: Logger = .critical,
    _ body: (MartletClient, MartletClock) async throws -> Result
) async throws -> Result {
    let directory = try TestDirectory()
    defer { directory.remove() }
    let broker = Broker(directory.configuration, logger: logger)
    return try await whileRunning({ try await broker.run() }) {
        let port = try await broker.address().port ?? 0
        let endpoint = MartletEndpoint.martlet(host: "127.0.0.1", port: port)
        let client = MartletClient(endpoint, logger: logger)
        let worker = MartletWorker(
            endpoint, queues: queues ?? slots(of: handlers), logger: logger
        ) { handlers }
        return try await whileRunning({ await client.run() }) {
            try await whileRunning({ try await worker.run() }) {
                await worker.waitUntilSubscribed()
                return try await body(client, MartletClock(broker: broker))
            }
        }
    }
}

extension MartletClient {
    /// Returns when no job runs and none is ready: what is left waits for its time, or for a queue
    /// that is paused, or for one that no worker takes jobs from.
    public func runUntilIdle() async throws {
        while try await queues().contains(where: \.isBusy) {
            try await Task.sleep(for: .milliseconds(2))
        }
    }
}

extension QueueStatus {
    fileprivate var isBusy: Bool {
        running > 0 || (ready > 0 && paused == nil && subscribers > 0)
    }
}

extension Logger {
    /// Says only what is critical.
    public static var critical: Logger {
        var logger = Logger(label: "martlet-testing")
        logger.logLevel = .critical
        return logger
    }
}

private func slots(of handlers: [Handler]) -> [String: Int] {
    let queues = Set(handlers.compactMap(\.queue)).union(["default"])
    return Dictionary(uniqueKeysWithValues: queues.map { ($0, 4) })
}

/// Runs `service` beside `body`, and ends it after; returns when both have ended.
///
/// - Throws: what either throws.
private func whileRunning<Result: Sendable>(
    _ service: @escaping @Sendable () async throws -> Void,
    _ body: () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await service() }
        let result = try await body()
        group.cancelAll()
        try await group.waitForAll()
        return result
    }
}
