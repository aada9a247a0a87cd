import MartletWire
import Synchronization

/// Asks a server every millisecond whether it lives: an answer takes as long as the turns that it waits for.
struct PingProbe {
    let server: BenchServer

    /// How long answers took while `body` ran, on a connection of its own.
    func measure(_ body: () async throws -> Void) async throws -> LatencySummary {
        let (isAsking, isOver) = (Flag(), Flag())
        return try await withThrowingTaskGroup(of: LatencySummary.self) { tasks in
            tasks.addTask { try await ask(isAsking, until: isOver) }
            do {
                while !isAsking.isRaised {
                    try await Task.sleep(for: .milliseconds(1))
                }
                try await body()
            } catch {
                isOver.raise()
                throw error
            }
            isOver.raise()
            return try await tasks.next() ?? Latencies().summary
        }
    }

    private func ask(_ isAsking: Flag, until isOver: Flag) async throws -> LatencySummary {
        // Whoever waits for the first question must not wait for ever.
        defer { isAsking.raise() }
        return try await Caller.with(server) { caller in
            var latencies = Latencies()
            while !isOver.isRaised {
                isAsking.raise()
                let begin = LoadClock.now()
                _ = try await caller.call(Ping(), Pong.self)
                latencies.record(from: begin, to: LoadClock.now())
                try await Task.sleep(for: .milliseconds(1))
            }
            return latencies.summary
        }
    }
}

private final class Flag: Sendable {
    private let value = Atomic<Bool>(false)

    var isRaised: Bool { value.load(ordering: .relaxed) }

    func raise() { value.store(true, ordering: .relaxed) }
}
