import NIOCore
import NIOPosix

/// Which stages make which workload.
struct BenchSession {
    private let options: BenchOptions
    /// `nil` when the server is somebody else's.
    private let broker: BrokerProcess?
    private let generator: LoadGenerator
    private let server: BenchServer
    private let report: @Sendable (BenchEvent) -> Void
    private var results: [WorkloadResult] = []
    /// Of all queues together, also of those that were filled only to be emptied.
    private var total = DeliveryVerdict()

    init(
        options: BenchOptions, broker: BrokerProcess?, generator: LoadGenerator,
        server: BenchServer, report: @escaping @Sendable (BenchEvent) -> Void
    ) {
        self.options = options
        self.broker = broker
        self.generator = generator
        self.server = server
        self.report = report
    }

    mutating func run() async throws -> [WorkloadResult] {
        try await greet()
        let append = try await probe()
        report(
            .started(
                BenchHeader(
                    cores: System.coreCount, payloadBytes: options.payloadBytes,
                    durability: options.durability, append: append)))
        if wants(.sync) { try await sync(append) }
        if wants(.submit) || wants(.drain) { try await backlog() }
        if wants(.flow) { add(try await flow(.flow, keep: 0)) }
        if wants(.retention) { try await retention() }
        if wants(.mass) { try await mass() }
        report(.ended(total))
        return results
    }

    // MARK: Workloads

    private mutating func sync(_ append: AppendProbe?) async throws {
        let queue = "\(options.queuePrefix)-sync"
        let plan = LoadPlan(
            queue: queue, producers: 1, jobs: options.syncJobs, outstanding: 1,
            millisecondsMax: options.syncSeconds * 1_000)
        let figures = try await generator.run(plan)
        _ = try await generator.run(LoadPlan(queue: queue, workers: 1))
        var result = WorkloadResult(
            .sync, options: options, connections: 1, outstanding: 1, seconds: figures.seconds,
            latency: figures.submission, verdict: await close(queue))
        result.append = append
        add(result)
    }

    private mutating func backlog() async throws {
        let queue = "\(options.queuePrefix)-backlog"
        let submitted = try await generator.run(
            LoadPlan(
                queue: queue, producers: options.connections, jobs: options.jobs,
                outstanding: options.outstanding))
        let footprint = try broker?.footprint()
        let drained = try await generator.run(LoadPlan(queue: queue, workers: options.connections))
        let verdict = await close(queue)
        var submit = WorkloadResult(
            .submit, options: options, connections: options.connections,
            outstanding: options.outstanding, seconds: submitted.seconds,
            latency: submitted.submission, verdict: verdict)
        submit.footprint = footprint
        add(submit)
        add(
            WorkloadResult(
                .drain, options: options, connections: options.connections,
                outstanding: options.credit, seconds: drained.seconds, latency: drained.settlement,
                verdict: verdict))
    }

    /// - Parameter keep: how long completed jobs are kept, in milliseconds.
    private mutating func flow(_ workload: Workload, keep: UInt64) async throws -> WorkloadResult {
        let queue = "\(options.queuePrefix)-\(workload)-\(keep)"
        let producers = max(1, options.connections / 2)
        let workers = max(1, options.connections - producers)
        let figures = try await generator.run(
            LoadPlan(
                queue: queue, producers: producers, workers: workers,
                jobs: options.jobs, outstanding: options.outstanding, retainMilliseconds: keep))
        return WorkloadResult(
            workload, options: options, connections: producers + workers,
            outstanding: options.outstanding, seconds: figures.seconds,
            latency: figures.delivery, verdict: await close(queue))
    }

    private mutating func retention() async throws {
        for time in KeepingTime.allCases {
            var result = try await flow(.retention, keep: time.milliseconds)
            result.part = time.rawValue
            add(result)
        }
    }

    private mutating func mass() async throws {
        results += try await Caller.with(server) { caller in
            try await MassSession(caller, server, options, report: report).run()
        }
    }

    // MARK: Parts

    /// Finds out before anything is printed whether somebody answers and what was asked for is within the limits.
    private func greet() async throws {
        let queue = options.queuePrefix
        _ = try await generator.run(LoadPlan(queue: queue, producers: 1))
        _ = await generator.verdict(of: queue)
    }

    private func wants(_ workload: Workload) -> Bool { options.workloads.contains(workload) }

    private mutating func add(_ result: WorkloadResult) {
        guard wants(result.workload) else { return }
        results.append(result)
        report(.measured(result))
    }

    private mutating func close(_ queue: String) async -> DeliveryVerdict {
        let verdict = await generator.verdict(of: queue)
        total.add(verdict)
        return verdict
    }

    /// Off the cooperative threads: it blocks.
    private func probe() async throws -> AppendProbe? {
        guard let directory = broker?.dataDirectory else { return nil }
        return try await NIOThreadPool.singleton.runIfActive {
            try AppendProbe.measure(in: directory)
        }
    }
}
