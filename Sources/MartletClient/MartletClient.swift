public import Logging
import MartletCompression
import MartletWire
import NIOCore
public import ServiceLifecycle

/// Pushes jobs to a Martlet server, waits for their results and looks at them.
///
/// A client is a service: it is connected while ``run()`` runs, and connects again whenever the
/// connection breaks. Calls may come before that, and from any number of tasks at once; they share
/// one connection. A submission that a broken connection left unanswered is sent again and accepted
/// once.
///
/// ```swift
/// let martlet = MartletClient(.martlet(host: "127.0.0.1"), logger: logger)
/// let job = try await martlet.push(Thumbnail(source: url, width: 320))
/// let png = try await job.value
/// ```
public final class MartletClient: Service {
    public let endpoint: MartletEndpoint
    public let configuration: Configuration

    package let packer: PayloadPacker
    private let zstd = Zstd()
    private let cache = DictionaryCache()
    let dictionaries: DictionaryKeeper
    let reconnector: Reconnector

    public init(
        _ endpoint: MartletEndpoint, configuration: Configuration = Configuration(), logger: Logger
    ) {
        self.endpoint = endpoint
        self.configuration = configuration
        packer = PayloadPacker(configuration.compression, zstd)
        dictionaries = DictionaryKeeper(configuration, cache: cache, logger: logger)
        reconnector = Reconnector(endpoint: endpoint, configuration: configuration, logger: logger)
    }

    /// Stays connected until the task is cancelled, or the service group shuts down gracefully:
    /// then submissions under way may end first, for at most ``Configuration/shutdownTimeout``.
    /// Runs once; later calls of this client fail with ``MartletError/Code/stopped``.
    public func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [dictionaries, reconnector] in await dictionaries.run(reconnector) }
            await reconnector.run()
            group.cancelAll()
        }
    }

    /// Runs a client for as long as `body` takes: for programs that are no service.
    ///
    /// ```swift
    /// try await MartletClient.with(.martlet(host: "127.0.0.1"), logger: logger) { martlet in
    ///     try await martlet.push(Thumbnail(source: url, width: 320))
    /// }
    /// ```
    @discardableResult
    public static func with<Result: Sendable>(
        _ endpoint: MartletEndpoint, configuration: Configuration = Configuration(), logger: Logger,
        _ body: (MartletClient) async throws -> Result
    ) async throws -> Result {
        let client = MartletClient(endpoint, configuration: configuration, logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await client.run() }
            defer { group.cancelAll() }
            return try await body(client)
        }
    }

    /// What packs payloads of a type.
    func packer(of type: String) -> PayloadPacker {
        guard let compression = configuration.compressionByType[type] else { return packer }
        return PayloadPacker(compression, zstd)
    }

    /// The dictionary that a payload names; nil: it names none.
    func dictionary(of payload: Payload) async throws(MartletError) -> ZstdDictionary? {
        try await cache.dictionary(of: payload) { (message) throws(MartletError) in
            try await self.request(message, expecting: DictionaryMessage.self)
        }
    }

    /// When a call that begins now is given up.
    func requestDeadline() -> NIODeadline {
        .now() + TimeAmount(configuration.requestTimeout)
    }
}

extension PayloadPacker {
    fileprivate init(_ compression: MartletClient.Compression, _ zstd: Zstd) {
        self.init(zstd: zstd, compressesFrom: compression.from, level: compression.level)
    }
}
