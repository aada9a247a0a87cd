package import MartletWire
import NIOCore
import NIOPosix

/// The workloads of one call of `martlet bench`, one after the other.
package struct BenchRun: Sendable {
    private let options: BenchOptions

    package init(_ options: BenchOptions) { self.options = options }

    /// Measures, and tells `report` what is known as soon as it is.
    ///
    /// A backlog is worked off and every queue emptied also when only its submission was asked for: nothing is
    /// counted as exactly once that was not looked at.
    ///
    /// - Returns: The results of the workloads asked for, in their canonical order.
    /// - Throws: `BenchError`, when there are no figures. Lost or repeated jobs are results.
    package func run(
        report: @escaping @Sendable (BenchEvent) -> Void
    ) async throws -> [WorkloadResult] {
        try options.check()
        switch options.target {
        case .server(let host, let port):
            return try await measure(host: host, port: port, broker: nil, report)
        case .ownBroker(let executable, let directory):
            return try await BrokerProcess.run(executable: executable, below: directory) { broker in
                try await measure(host: broker.host, port: broker.port, broker: broker, report)
            }
        }
    }

    private func measure(
        host: String, port: Int, broker: BrokerProcess?,
        _ report: @escaping @Sendable (BenchEvent) -> Void
    ) async throws -> [WorkloadResult] {
        let threads = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var session = BenchSession(
            options: options, broker: broker,
            generator: LoadGenerator(
                host: host, port: port, options: options, loop: threads.next()),
            server: BenchServer(
                host: host, port: port, token: options.token, group: threads), report: report)
        do {
            let results = try await session.run()
            try await threads.shutdownGracefully()
            return results
        } catch {
            try await threads.shutdownGracefully()
            throw error
        }
    }
}

/// What is known at a moment of a run.
package enum BenchEvent: Sendable {
    case started(BenchHeader)
    case measured(WorkloadResult)
    /// Of all workloads together.
    case ended(DeliveryVerdict)
}

/// What stands above the figures.
package struct BenchHeader: Equatable, Sendable {
    package var cores: Int
    package var payloadBytes: Int
    package var durability: Durability
    /// With a broker of our own only: elsewhere its disk can't be reached.
    package var append: AppendProbe?
}
