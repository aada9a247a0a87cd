import ArgumentParser
import Bench
import Foundation

/// How much the bench does at once, with which payloads, for how long.
struct LoadOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Jobs of each workload (default: 5000 for sync, 1000 for idle, else 1000000).",
            valueName: "count"))
    var jobs: Int?

    @Option(
        help: ArgumentHelp(
            "For how long each workload submits (default: up to 3s for sync and idle, 10s for paced, else 20s).",
            valueName: "time"))
    var duration: TimeSpan?

    @Option(
        help: ArgumentHelp(
            "At the beginning of each workload, not counted (default 0).", valueName: "time"))
    var warmup: TimeSpan?

    @Option(
        help: ArgumentHelp(
            "Connections (default 4; 2000 for idle); sync has one, flow and paced work with half of them.",
            valueName: "count"))
    var connections: Int?

    @Option(
        help: ArgumentHelp(
            "Closed loop: jobs that a connection has submitted without an answer (default 256).",
            valueName: "count"))
    var outstanding: Int?

    @Option(
        help: ArgumentHelp(
            "Most jobs of one frame (default 128, fewer when payloads are long).",
            valueName: "count"))
    var batch: Int?

    @Option(
        help: ArgumentHelp(
            "Open loop: jobs a second of paced, whatever becomes of them (default 1000).",
            valueName: "jobs"))
    var rate: Int?

    @Option(help: ArgumentHelp("Size of a payload (default 256).", valueName: "bytes"))
    var payloadSize: ByteSize?

    @Option(
        help: ArgumentHelp(
            "Payloads from this file, a line each, in turn; each in an object that numbers it.",
            valueName: "file"))
    var payloadFile: String?

    @Option(
        help: ArgumentHelp(
            "How payloads travel.", valueName: "codec"))
    var compress: PayloadCompression = .none

    @Option(
        help: ArgumentHelp(
            "The same seed makes the same payloads.", valueName: "number"))
    var seed: UInt64 = 1

    func validate() throws {
        if payloadSize != nil, payloadFile != nil {
            throw ValidationError(
                "--payload-size and --payload-file are both given; say one of them.")
        }
    }

    func fill(_ options: inout BenchOptions) throws {
        options.jobs = jobs
        options.milliseconds = duration.map { Int($0.milliseconds) }
        options.warmupMilliseconds = warmup.map { Int($0.milliseconds) } ?? 0
        options.connections = connections
        if let outstanding { options.outstanding = outstanding }
        options.batch = batch
        if let rate {
            guard options.workloads.contains(.paced) else {
                throw ValidationError("--rate is of the workload paced, which is not asked for.")
            }
            options.rate = rate
        }
        if let payloadSize {
            options.payload = .generated(byteCount: Int(payloadSize.bytes))
        }
        if let payloadFile { options.payload = try samples(payloadFile) }
        options.compression = compress
        options.seed = seed
    }

    private func samples(_ file: String) throws -> PayloadSource {
        let bytes: Data
        do {
            bytes = try Data(contentsOf: URL(filePath: file))
        } catch {
            throw ValidationError(
                "--payload-file \(file) can't be read: \(error.localizedDescription)")
        }
        return try .lines(of: Array(bytes), named: file)
    }
}

extension PayloadCompression: ExpressibleByArgument {}
