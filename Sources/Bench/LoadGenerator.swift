import MartletCompression
import MartletWire
import NIOCore
import NIOPosix

/// Runs stages against one server, all their connections on one event loop: the server keeps the other core.
///
/// The loop is the actor's executor, so nothing of a stage ever leaves its thread.
actor LoadGenerator {
    private nonisolated let loop: any EventLoop
    private var host: String
    private var port: Int
    private let options: BenchOptions
    /// What each connection begins with.
    private var carrier: PayloadCarrier
    private let report: @Sendable (BenchEvent) -> Void
    /// By queue: what a later stage finds there is compared with what an earlier one put there.
    private var ledgers: [String: DeliveryLedger] = [:]
    /// Of the stage under way.
    private var dialer: LoadDialer?

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.executor.asUnownedSerialExecutor()
    }

    init(
        host: String, port: Int, options: BenchOptions, loop: any EventLoop,
        report: @escaping @Sendable (BenchEvent) -> Void
    ) {
        self.host = host
        self.port = port
        self.options = options
        carrier = PayloadCarrier(options)
        self.loop = loop
        self.report = report
    }

    /// Runs one stage to its end.
    ///
    /// - Parameters:
    ///   - whenConnected: Called when all connections are up and nothing was sent yet.
    ///   - atHalf: Called in the middle of a stage that survives a kill; the stage goes on meanwhile.
    /// - Throws: `BenchError`, whatever ended the stage before its figures.
    func run(
        _ plan: LoadPlan, whenConnected: @Sendable () async throws -> Void = {},
        atHalf: @Sendable () async throws -> Void = {}
    ) async throws -> LoadFigures {
        let stage = LoadStage(plan, ledger: ledgers[plan.queue] ?? DeliveryLedger(), on: loop)
        let dialer = LoadDialer(host: host, port: port, readBytes: plan.readBytes, loop: loop)
        let peers = LoadPeers()
        self.dialer = dialer
        defer { self.dialer = nil }
        do {
            try await connect(peers, stage, dialer, plan)
            try await whenConnected()
            begin(peers, stage, plan)
            if plan.survivesKill {
                try await stage.whenHalfway.get()
                if !stage.isOver { try await atHalf() }
            }
            try await stage.whenOver.get()
        } catch {
            stage.fail(error)
            await peers.close()
            throw error
        }
        await peers.leave()
        ledgers[plan.queue] = stage.progress.ledger
        return stage.progress.figures
    }

    /// The server is somewhere else now, also for the connections that broke.
    func move(host: String, port: Int) {
        (self.host, self.port) = (host, port)
        dialer?.move(host: host, port: port)
    }

    /// Later stages compress their payloads with it.
    func use(_ dictionary: ZstdDictionary) { carrier.dictionary = dictionary }

    /// What became of the jobs of `queue`, which is forgotten with that.
    func verdict(of queue: String) -> DeliveryVerdict {
        ledgers.removeValue(forKey: queue)?.verdict ?? DeliveryVerdict()
    }

    private func begin(_ peers: LoadPeers, _ stage: LoadStage, _ plan: LoadPlan) {
        let now = LoadClock.now()
        let report = report
        stage.progress.begin(at: now)
        peers.begin(at: now)
        stage.watch(everyMilliseconds: options.stallMilliseconds)
        stage.tell { progress in
            report(
                .progress(
                    BenchProgress(
                        queue: plan.queue, isSubmitting: plan.producers > 0, jobs: progress.done,
                        share: progress.share(at: LoadClock.now()))))
        }
        stage.check(at: now)
    }

    /// Workers come first, so that they wait when the first job is submitted.
    private func connect(
        _ peers: LoadPeers, _ stage: LoadStage, _ dialer: LoadDialer, _ plan: LoadPlan
    ) async throws {
        for _ in 0..<plan.workers {
            let worker = try await connect(
                Worker(plan: plan, carrier: carrier), peers, stage, dialer)
            if plan.subscribesAhead { worker.begin(at: LoadClock.now()) }
        }
        for number in 0..<plan.producers {
            let producer = Producer(
                plan: plan, durability: options.durability, carrier: carrier, number: number)
            _ = try await connect(producer, peers, stage, dialer)
        }
    }

    private func connect(
        _ role: some LoadRole, _ peers: LoadPeers, _ stage: LoadStage, _ dialer: LoadDialer
    ) async throws -> any LoadPeer {
        let connection = LoadConnection(role, stage: stage, dialer: dialer, token: options.token)
        try await dialer.dial(connection)
        peers.add(connection)
        try checkFits(try await connection.whenWelcomed.get())
        return connection
    }

    private func checkFits(_ limits: ServerLimits) throws(BenchError) {
        let payload = options.payload.byteCountMax
        if payload > Int(limits.payloadBytesMax) {
            throw .outOfRange(
                flag: "--payload-size", value: payload, range: 1...Int(limits.payloadBytesMax),
                limit: "the server's payload_bytes_max")
        }
        if options.jobsPerFrame > Int(limits.batchMax) {
            throw .outOfRange(
                flag: "--batch", value: options.jobsPerFrame, range: 1...Int(limits.batchMax),
                limit: "the server's batch_max")
        }
    }
}

/// The connections of a stage. Belongs to the event loop.
private final class LoadPeers {
    private var peers: [any LoadPeer] = []

    func add(_ peer: any LoadPeer) { peers.append(peer) }

    func begin(at now: UInt64) { for peer in peers { peer.begin(at: now) } }

    /// Ends sessions, so that the server need not wait for them, and waits until the connections are closed.
    nonisolated(nonsending) func leave() async {
        for peer in peers { peer.leave() }
        await finish()
    }

    nonisolated(nonsending) func close() async {
        for peer in peers { peer.close() }
        await finish()
    }

    /// However each was closed: the stage is over.
    private nonisolated(nonsending) func finish() async {
        for peer in peers {
            do { try await peer.whenClosed.get() } catch { continue }
        }
    }
}
