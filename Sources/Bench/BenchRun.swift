import Glibc
import NIOCore
import NIOPosix
import Synchronization

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
        try OpenFiles.allow(options.workloads.map(options.connections(of:)).max() ?? 1)
        switch options.target {
        case .server(let host, let port):
            return try await measure(host: host, port: port, broker: nil, report)
        case .ownBroker(let executable, let directory):
            return try await OwnBroker.run(executable: executable, below: directory) { broker in
                let process = await broker.process
                return try await measure(
                    host: process.host, port: process.port, broker: broker, report)
            }
        }
    }

    private func measure(
        host: String, port: Int, broker: OwnBroker?,
        _ report: @escaping @Sendable (BenchEvent) -> Void
    ) async throws -> [WorkloadResult] {
        let threads = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let generator = LoadGenerator(
            host: host, port: port, options: options, loop: threads.next(), report: report)
        var session = BenchSession(
            options: options,
            stages: StageRunner(generator: generator, broker: broker, kills: options.kills),
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

/// How many connections a process may have.
enum OpenFiles {
    /// Of whatever else needs one.
    private static let others = 100

    /// Raises the limit of this process, and of those that it starts, when it is too low.
    ///
    /// - Throws: `BenchError.outOfRange` when the system allows fewer.
    static func allow(_ connections: Int) throws(BenchError) {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let needed = rlim_t(connections + others)
        guard limit.rlim_cur < needed else { return }
        limit.rlim_cur = min(needed, limit.rlim_max)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        guard limit.rlim_cur >= needed else {
            throw .outOfRange(
                flag: "--connections", value: connections,
                range: 1...max(1, Int(limit.rlim_cur) - others), limit: "open files, ulimit -Hn")
        }
    }
}
