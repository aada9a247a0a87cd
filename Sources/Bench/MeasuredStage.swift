import Synchronization

/// A stage's figures, with what it cost and what happened to the broker.
struct MeasuredStage: Sendable {
    var figures: LoadFigures
    var processor: ProcessorCost?
    var restart: RestartReport?
}

/// Runs stages of one workload and looks at the broker meanwhile.
struct StageRunner: Sendable {
    let generator: LoadGenerator
    /// `nil` when the server is somebody else's.
    let broker: OwnBroker?
    /// Kill the broker in the middle of stages that survive it.
    let kills: Bool

    func run(
        _ plan: LoadPlan, of workload: Workload,
        whenConnected: @Sendable () async throws -> Void = {}
    ) async throws -> MeasuredStage {
        var plan = plan
        plan.survivesKill = kills && workload.survivesKill
        let restart = Mutex<RestartReport?>(nil)
        let begin = ProcessorTime.now(broker: await process?.processIdentifier)
        let figures = try await generator.run(
            plan, whenConnected: whenConnected,
            atHalf: {
                let report = try await killAndRestart()
                restart.withLock { $0 = report }
            })
        let end = ProcessorTime.now(broker: await process?.processIdentifier)
        let report = restart.withLock { $0 }
        var cost = ProcessorCost(
            from: begin, to: end, jobs: max(figures.jobs, figures.submitted))
        // The one that began is not the one that ended.
        if report != nil { cost.broker = nil }
        return MeasuredStage(figures: figures, processor: cost, restart: report)
    }

    /// Does nothing when the server is somebody else's.
    func killAndRestart() async throws -> RestartReport? {
        guard let broker else { return nil }
        let begin = LoadClock.now()
        let process = try await broker.killAndRestart()
        let end = LoadClock.now()
        await generator.move(host: process.host, port: process.port)
        return RestartReport(readySeconds: Double(end - begin) / 1e9)
    }

    var process: BrokerProcess? { get async { await broker?.process } }
}
