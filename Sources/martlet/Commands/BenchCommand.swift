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
            Workloads:
              sync       one connection, one job at a time: how long a lone client waits
              submit     jobs are accepted as fast as they come (closed loop)
              drain      that backlog is worked off, every job settled
              flow       both at once
              paced      jobs come at --rate, whatever becomes of them (open loop)
              idle       consumers wait for work: what they cost, how soon one has a job
              backlog    very many jobs wait; the broker is killed and serves them
              retention  finished jobs are kept for a while
              mass       something happens to very many jobs at once
            Without --workload it is the first five, in less than two minutes.

            Every acknowledged job must be delivered exactly once; otherwise the figures
            are worth nothing and the exit status is 1. With --kill the broker is killed
            in the middle of each of the first five: no acknowledged job may be lost, and
            deliveries that come again are counted. A server is measured only where --server
            names it, and keeps the queues of a bench that was broken off.

            Examples:
              martlet bench
              martlet bench --workload paced --rate 20000 --duration 30s --hdr paced.hgrm
              martlet bench --workload flow --payload-size 4096 --compress zstd --json
              martlet bench --workload submit --compress dictionary
              martlet bench --kill
              martlet bench --server martlet://10.0.0.5:7411 --durability memory
            """)

    @Option(
        help: ArgumentHelp(
            "What to measure; may be repeated.", valueName: "workload"))
    var workload: [Workload] = []

    @OptionGroup(title: "Load") var load: LoadOptions

    @Option(help: ArgumentHelp("What acknowledgements are worth.", valueName: "durability"))
    var durability: BenchDurability = .disk

    @Flag(help: "Kill the bench's own broker (SIGKILL) in the middle of each workload.")
    var kill = false

    @Option(
        help: ArgumentHelp(
            "Where the bench's own broker puts its data (default: the directory for temporary files).",
            valueName: "dir"))
    var directory: String?

    @Flag(help: "One JSON object a workload, a line each.")
    var json = false

    @Flag(help: "Comma-separated values: a line of names, then a line each workload.")
    var csv = false

    @Option(
        help: ArgumentHelp(
            "Every latency for HdrHistogram's tools: a file named after this one for each workload and phase.",
            valueName: "file"))
    var hdr: String?

    @OptionGroup var server: ServerOptions

    func validate() throws {
        if let hdr {
            let folder = URL(filePath: hdr).deletingLastPathComponent().path
            guard FileManager.default.isWritableFile(atPath: folder) else {
                throw ValidationError("--hdr \(hdr) can't be written: there is no such directory.")
            }
        }
        if json && csv {
            throw ValidationError("--json and --csv are both given; say one of them.")
        }
    }

    func run() async throws {
        let options = try await options()
        let reporter = BenchReporter(
            form: json ? .json : csv ? .csv : .table, histogramFile: hdr, kills: kill)
        let results: [WorkloadResult]
        do {
            results = try await untilInterrupted {
                try await BenchRun(options).run { reporter.tell($0) }
            }
            reporter.close()
        } catch {
            reporter.close()
            throw error
        }
        guard results.allSatisfy(\.isKept) else {
            throw CommandFailure(
                .failed, "jobs were lost, repeated or damaged: the figures above say how many.")
        }
        if let failure = reporter.failure { throw failure }
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
        options.durability = durability.onTheWire
        options.kills = kill
        try load.fill(&options)
        return options
    }

    private var ownBroker: BenchOptions.Target {
        .ownBroker(
            executable: OwnProgram.path,
            directory: directory ?? FileManager.default.temporaryDirectory.path)
    }
}

extension Workload: ExpressibleByArgument {}

enum BenchDurability: String, CaseIterable, ExpressibleByArgument {
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
