import MartletWire
import NIOCore
import NIOPosix

/// Runs stages against one server, all their connections on one event loop: the server keeps the other core.
///
/// The loop is the actor's executor, so nothing of a stage ever leaves its thread.
actor LoadGenerator {
    private nonisolated let loop: any EventLoop
    private let host: String
    private let port: Int
    private let options: BenchOptions
    /// By queue: what a later stage finds there is compared with what an earlier one put there.
    private var ledgers: [String: DeliveryLedger] = [:]

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.executor.asUnownedSerialExecutor()
    }

    init(host: String, port: Int, options: BenchOptions, loop: any EventLoop) {
        self.host = host
        self.port = port
        self.options = options
        self.loop = loop
    }

    /// Runs one stage to its end.
    ///
    /// - Throws: `BenchError`, whatever ended the stage before its figures.
    func run(_ plan: LoadPlan) async throws -> LoadFigures {
        let ledger = ledgers[plan.queue] ?? DeliveryLedger(jobs: plan.jobs)
        let stage = LoadStage(plan, ledger: ledger, on: loop)
        let connections = LoadConnections()
        do {
            try await connect(connections, stage, plan)
            let now = LoadClock.now()
            stage.progress.begin(at: now)
            connections.begin(at: now)
            stage.watch(everyMilliseconds: options.stallMilliseconds)
            stage.check(at: now)
            try await stage.whenOver.get()
        } catch {
            stage.fail(error)
            await connections.close()
            throw error
        }
        await connections.leave()
        ledgers[plan.queue] = stage.progress.ledger
        return stage.progress.figures
    }

    /// What became of the jobs of `queue`, which is forgotten with that.
    func verdict(of queue: String) -> DeliveryVerdict {
        ledgers.removeValue(forKey: queue)?.verdict ?? DeliveryVerdict()
    }

    /// Workers come first, so that they wait when the first job is submitted.
    private func connect(
        _ connections: LoadConnections, _ stage: LoadStage, _ plan: LoadPlan
    ) async throws {
        for _ in 0..<plan.workers {
            try await connect(
                connections, stage, role: Worker(plan: plan, options: options))
        }
        for _ in 0..<plan.producers {
            try await connect(
                connections, stage, role: Producer(plan: plan, options: options))
        }
    }

    private func connect(
        _ connections: LoadConnections, _ stage: LoadStage, role: some LoadRole
    ) async throws {
        let channel = try await openChannel()
        let connection = LoadConnection(role, stage: stage, token: options.token, on: loop)
        try channel.pipeline.syncOperations.addHandler(connection)
        connections.add(connection, channel)
        let limits = try await connection.whenWelcomed.get()
        try checkFits(limits)
    }

    private func openChannel() async throws -> any Channel {
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(.seconds(2))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(
                .recvAllocator,
                value: FixedSizeRecvByteBufferAllocator(capacity: LoadGenerator.readBytes))
        do {
            return try await bootstrap.connect(host: host, port: port).get()
        } catch {
            throw BenchError.unreachable(host: host, port: port, reason: reason(of: error))
        }
    }

    /// One read takes what a server sends in one turn. A second read, to see that there is no more, costs a
    /// lone synchronous client a system call for each job.
    private static let readBytes = 256 << 10

    private func checkFits(_ limits: ServerLimits) throws(BenchError) {
        if options.payloadBytes > Int(limits.payloadBytesMax) {
            throw .invalidOption(
                "payload size is \(options.payloadBytes.grouped) bytes, the server's limit is "
                    + "\(limits.payloadBytesMax.grouped) (payload_bytes_max)")
        }
        if options.outstanding > Int(limits.requestsInFlightMax) {
            throw .invalidOption(
                "outstanding is \(options.outstanding.grouped), the server's limit is "
                    + "\(limits.requestsInFlightMax.grouped) (requests_in_flight_max)")
        }
    }

    private func reason(of error: any Error) -> String {
        guard let failure = error as? NIOConnectionError else { return "\(error)" }
        let errors = failure.connectionErrors.map(\.error)
        if let system = errors.compactMap({ $0 as? IOError }).first {
            return system.errnoCode == ECONNREFUSED ? "connection refused" : system.description
        }
        return failure.dnsAError == nil ? "no answer within 2 seconds" : "unknown host"
    }
}

/// The connections of a stage, whatever their roles. Belongs to the event loop.
private final class LoadConnections {
    private var beginnings: [(UInt64) -> Void] = []
    private var leavings: [() -> Void] = []
    private var channels: [any Channel] = []

    func add(_ connection: LoadConnection<some LoadRole>, _ channel: any Channel) {
        beginnings.append { connection.begin(at: $0) }
        leavings.append { connection.leave() }
        channels.append(channel)
    }

    func begin(at now: UInt64) { for begin in beginnings { begin(now) } }

    /// Ends sessions, so that the server need not wait for them, and waits until the connections are closed.
    nonisolated(nonsending) func leave() async {
        for leave in leavings { leave() }
        for channel in channels { await closed(channel) }
    }

    nonisolated(nonsending) func close() async {
        for channel in channels {
            channel.close(promise: nil)
            await closed(channel)
        }
    }

    /// However it was closed: the stage is over.
    private nonisolated(nonsending) func closed(_ channel: any Channel) async {
        do { try await channel.closeFuture.get() } catch { return }
    }
}
