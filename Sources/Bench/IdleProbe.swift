import Synchronization

/// Compares a broker with many idle consumers with itself before they came.
final class IdleProbe: Sendable {
    private let stages: StageRunner
    private let state = Mutex<(before: Int, cost: IdleCost?)>((0, nil))

    /// Until memory that was needed only to connect is given back, and for which the processor is watched.
    private static let pause = Duration.seconds(2)

    init(_ stages: StageRunner) { self.stages = stages }

    /// `nil` when the broker is not this run's own.
    var cost: IdleCost? { state.withLock(\.cost) }

    func begin() async throws {
        let before = try await stages.process?.footprint().memoryBytes ?? 0
        state.withLock { $0.before = before }
    }

    func end(_ connections: Int) async throws {
        try await Task.sleep(for: IdleProbe.pause)
        guard let process = await stages.process else { return }
        let begin = ProcessorTime.now(broker: process.processIdentifier)
        try await Task.sleep(for: IdleProbe.pause)
        let end = ProcessorTime.now(broker: process.processIdentifier)
        let memory = try process.footprint().memoryBytes
        let used = (end.broker ?? 0) - (begin.broker ?? 0)
        state.withLock {
            $0.cost = IdleCost(
                bytesPerConnection: max(0, memory - $0.before) / connections,
                processorShare: used / (IdleProbe.pause / .seconds(1)))
        }
    }
}
