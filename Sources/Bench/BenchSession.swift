import MartletCompression
import NIOCore
import NIOPosix

/// Which stages make which workload.
struct BenchSession {
    private let options: BenchOptions
    private let stages: StageRunner
    private let server: BenchServer
    private let report: @Sendable (BenchEvent) -> Void
    /// Of the dictionary that payloads are compressed with.
    private var dictionaryBytes: Int?
    private var results: [WorkloadResult] = []
    private var distributions: [LatencyDistribution] = []
    /// Of all queues together, also of those that were filled only to be emptied.
    private var total = DeliveryVerdict()

    init(
        options: BenchOptions, stages: StageRunner, server: BenchServer,
        report: @escaping @Sendable (BenchEvent) -> Void
    ) {
        self.options = options
        self.stages = stages
        self.server = server
        self.report = report
    }

    mutating func run() async throws -> [WorkloadResult] {
        try await greet()
        try await prepareDictionary()
        let append = try await probe()
        report(
            .started(
                BenchHeader(
                    cores: System.coreCount, payloadBytes: options.payload.byteCountMax,
                    compression: options.compression, dictionaryBytes: dictionaryBytes,
                    durability: options.durability, seed: options.seed, append: append)))
        if wants(.sync) { try await sync(append) }
        if wants(.submit) || wants(.drain) { try await submitAndDrain() }
        if wants(.flow) { try await flow(.flow) }
        if wants(.paced) { try await flow(.paced) }
        if wants(.idle) { try await idle() }
        if wants(.backlog) { try await backlog() }
        if wants(.retention) { try await retention() }
        if wants(.mass) { try await mass() }
        report(.ended(total, distributions))
        return results
    }

    // MARK: Workloads

    private mutating func sync(_ append: AppendProbe?) async throws {
        var plan = plan(.sync, producers: 1)
        (plan.outstanding, plan.batch) = (1, 1)
        let stage = try await stages.run(plan, of: .sync)
        _ = try await stages.run(drain(plan, workers: 1), of: .backlog)
        var result = WorkloadResult(
            .sync, options: options, connections: 1, outstanding: 1, stage: stage,
            phases: [.acknowledge], verdict: await close(plan))
        result.append = append
        add(result, stage, .acknowledge)
    }

    private mutating func submitAndDrain() async throws {
        let connections = options.connections(of: .submit)
        let plan = plan(.submit, producers: connections)
        let submitted = try await stages.run(plan, of: .submit)
        let footprint = try await stages.process?.footprint()
        let drained = try await stages.run(drain(plan, workers: connections), of: .drain)
        let verdict = await close(plan)
        var submit = WorkloadResult(
            .submit, options: options, connections: connections,
            outstanding: options.outstanding, stage: submitted, phases: [.acknowledge],
            verdict: verdict)
        submit.footprint = footprint
        submit.batch = plan.batch
        add(submit, submitted, .acknowledge)
        let drain = WorkloadResult(
            .drain, options: options, connections: connections, outstanding: options.credit,
            stage: drained, phases: [.done], submitted: submitted.figures, verdict: verdict)
        add(drain, drained, .done)
    }

    /// Submits and works at once: `flow`, `paced` and `retention`.
    ///
    /// - Parameter keep: For how long completed jobs are kept, of `retention`.
    private mutating func flow(_ workload: Workload, keep: KeepingTime? = nil) async throws {
        let connections = options.connections(of: workload)
        let producers = max(1, connections / 2)
        var plan = plan(
            workload, producers: producers, workers: max(1, connections - producers))
        plan.retainMilliseconds = keep?.milliseconds ?? 0
        if let keep { plan.queue += "-\(keep)" }
        let stage = try await stages.run(plan, of: workload)
        let phases: [LatencyPhase] = [.start, .acknowledge, .done]
        var result = WorkloadResult(
            workload, options: options, connections: plan.producers + plan.workers,
            outstanding: options.outstanding, stage: stage,
            phases: phases + (workload == .paced ? [.late] : []), verdict: await close(plan))
        result.batch = plan.batch
        result.rate = workload == .paced ? options.rate : nil
        result.part = keep?.rawValue
        add(result, stage, .start)
    }

    private mutating func idle() async throws {
        let connections = options.connections(of: .idle)
        var plan = plan(.idle, producers: 1, workers: connections)
        (plan.outstanding, plan.batch, plan.credit, plan.readBytes) = (1, 1, 1, 4_096)
        plan.subscribesAhead = true
        let probe = IdleProbe(stages)
        try await probe.begin()
        let stage = try await stages.run(plan, of: .idle) { try await probe.end(connections) }
        var result = WorkloadResult(
            .idle, options: options, connections: connections, outstanding: 1, stage: stage,
            phases: [.start, .acknowledge, .done], verdict: await close(plan))
        result.idle = probe.cost
        // Mostly of connecting, which is no job's.
        result.processor = nil
        add(result, stage, .start)
    }

    private mutating func backlog() async throws {
        let connections = options.connections(of: .backlog)
        let plan = plan(.backlog, producers: connections)
        let submitted = try await stages.run(plan, of: .backlog)
        let footprint = try await stages.process?.footprint()
        let begin = LoadClock.now()
        var restart = try await stages.killAndRestart()
        let drained = try await stages.run(drain(plan, workers: connections), of: .backlog)
        if let first = drained.figures.firstDeliveredAt {
            restart?.firstJobSeconds = Double(first - begin) / 1e9
        }
        var result = WorkloadResult(
            .backlog, options: options, connections: connections, outstanding: options.credit,
            stage: drained, phases: [.done], submitted: submitted.figures,
            verdict: await close(plan))
        (result.footprint, result.restart) = (footprint, restart)
        add(result, drained, .done)
    }

    private mutating func retention() async throws {
        for time in KeepingTime.allCases { try await flow(.retention, keep: time) }
    }

    private mutating func mass() async throws {
        let process = await stages.process
        let server = BenchServer(
            host: process?.host ?? server.host, port: process?.port ?? server.port,
            token: server.token, group: server.group)
        results += try await Caller.with(server) { caller in
            try await MassSession(caller, server, options, report: report).run()
        }
    }

    // MARK: Plans

    private func plan(_ workload: Workload, producers: Int, workers: Int = 0) -> LoadPlan {
        var plan = LoadPlan(
            queue: "\(options.queuePrefix)-\(workload)", producers: producers, workers: workers,
            jobs: options.jobs(of: workload), outstanding: options.outstanding,
            batch: options.jobsPerFrame, millisecondsMax: options.millisecondsMax(of: workload),
            warmupMilliseconds: options.warmupMilliseconds, credit: options.credit)
        if workload == .paced { plan.intervalNanoseconds = 1_000_000_000 / UInt64(options.rate) }
        return plan
    }

    /// Works off what `plan` has submitted.
    private func drain(_ plan: LoadPlan, workers: Int) -> LoadPlan {
        LoadPlan(queue: plan.queue, workers: workers, credit: plan.credit)
    }

    // MARK: Parts

    /// Finds out before anything is printed whether somebody answers and what was asked for is within the limits.
    private func greet() async throws {
        let plan = LoadPlan(queue: options.queuePrefix, producers: 1)
        _ = try await stages.generator.run(plan)
        _ = await stages.generator.verdict(of: plan.queue)
    }

    private mutating func prepareDictionary() async throws {
        guard options.compression == .dictionary,
            let dictionary = try await BenchDictionary(options).registered(with: server)
        else { return }
        await stages.generator.use(dictionary)
        dictionaryBytes = dictionary.bytes.count
    }

    private func wants(_ workload: Workload) -> Bool { options.workloads.contains(workload) }

    private mutating func add(
        _ result: WorkloadResult, _ stage: MeasuredStage, _ main: LatencyPhase
    ) {
        guard wants(result.workload) else { return }
        var result = result
        result.dictionaryBytes = dictionaryBytes
        results.append(result)
        for phase in LatencyPhase.allCases where result.phases?[phase.rawValue] != nil {
            distributions.append(
                LatencyDistribution(
                    workload: result.workload, part: result.part, phase: phase,
                    isMain: phase == main, latencies: stage.figures.latencies[phase]))
        }
        report(.measured(result))
    }

    private mutating func close(_ plan: LoadPlan) async -> DeliveryVerdict {
        let verdict = await stages.generator.verdict(of: plan.queue)
        total.add(verdict)
        return verdict
    }

    /// Off the cooperative threads: it blocks.
    private func probe() async throws -> AppendProbe? {
        guard let directory = await stages.process?.dataDirectory else { return nil }
        return try await NIOThreadPool.singleton.runIfActive {
            try AppendProbe.measure(in: directory)
        }
    }
}
