import ArgumentParser
import Bench
import Foundation
import MartletClient
import MartletWire

/// `martlet bench`: measures a server, and whether it keeps its word.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract:
            "Measure a broker: its own on a temporary directory, or the one that --server names.",
        discussion: """
            Each acknowledged job must be delivered exactly once; otherwise the figures
            are worth nothing and the exit status is 1.

            Examples:
              martlet bench
              martlet bench --workload submit --jobs 5000000 --json
              martlet bench --workload retention --workload mass
              martlet bench --server martlet://10.0.0.5:7411 --durability memory
            """)

    @Option(
        help: ArgumentHelp(
            "sync, submit, drain, flow, retention or mass; may be repeated (default: the first four).",
            valueName: "workload"))
    var workload: [Workload] = []

    @Option(
        help: ArgumentHelp("Jobs of each workload but sync (default 1000000).", valueName: "count"))
    var jobs: Int?

    @Option(
        help: ArgumentHelp(
            "Jobs of sync (default 5000, or what 3 seconds allow).", valueName: "count"))
    var syncJobs: Int?

    @Option(
        help: ArgumentHelp("Connections of all but sync and mass (default 4).", valueName: "count")
    )
    var connections: Int?

    @Option(
        help: ArgumentHelp(
            "Unanswered submissions of a connection (default 256).", valueName: "count"))
    var outstanding: Int?

    @Option(help: ArgumentHelp("Size of a payload (default 256).", valueName: "bytes"))
    var payloadBytes: Int?

    @Option(help: ArgumentHelp("disk or memory (default disk).", valueName: "durability"))
    var durability: BenchDurability = .disk

    @Option(
        help: ArgumentHelp(
            "Where the bench's own broker puts its data (default: the directory for temporary files).",
            valueName: "dir"))
    var directory: String?

    @Flag(help: "One JSON object a workload, a line each.")
    var json = false

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let json = json
        let table = ReportTable(version: Martlet.version)
        let options = try await options()
        let results = try await untilInterrupted {
            try await BenchRun(options).run { event in
                do {
                    let lines = json ? try ReportLines().lines(for: event) : table.lines(for: event)
                    for line in lines { StandardOutput.write(line: line) }
                } catch {
                    StandardError.complain("cannot report figures: \(error)")
                }
            }
        }
        guard results.allSatisfy(\.isExact) else {
            throw CommandFailure(
                .failed, "jobs were lost, repeated or damaged: the figures above say how many.")
        }
    }

    /// What to measure. A server is used only when the command line names it: whoever has
    /// `MARTLET_SERVER` in the environment does not expect a million jobs there.
    private func options() async throws -> BenchOptions {
        var options = BenchOptions(target: ownBroker)
        if server.server != nil {
            let target = try await server.resolve()
            options.target = .server(host: target.endpoint.host, port: target.endpoint.port)
            options.token = target.token ?? ""
        }
        if !workload.isEmpty { options.workloads = Workload.allCases.filter(workload.contains) }
        if let jobs { options.jobs = jobs }
        if let syncJobs { options.syncJobs = syncJobs }
        if let connections { options.connections = connections }
        if let outstanding { options.outstanding = outstanding }
        if let payloadBytes { options.payloadBytes = payloadBytes }
        options.durability = durability.onTheWire
        return options
    }

    private var ownBroker: BenchOptions.Target {
        .ownBroker(
            executable: OwnProgram.path,
            directory: directory ?? FileManager.default.temporaryDirectory.path)
    }
}

extension Workload: ExpressibleByArgument {}

enum BenchDurability: String, ExpressibleByArgument {
    case disk, memory

    var onTheWire: Durability {
        switch self {
        case .disk: .disk
        case .memory: .memory
        }
    }
}

/// This program, to be started again.
enum OwnProgram {
    static var path: String {
        Bundle.main.executablePath ?? CommandLine.arguments[0]
    }
}
