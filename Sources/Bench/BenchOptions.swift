package import MartletWire

/// What to measure, against which server.
package struct BenchOptions: Sendable {
    package var target: Target
    /// Bearer token; empty when the server wants none.
    package var token = ""
    package var workloads = Workload.usual
    /// Ends each workload after that many jobs; `nil`: as many as suit it, or as `milliseconds` allow.
    package var jobs: Int?
    /// Ends each workload's submissions after that long, not counting the warm-up.
    package var milliseconds: Int?
    /// At the beginning of each workload that submits; what happens in it is not counted.
    package var warmupMilliseconds = 0
    /// Connections of `submit` and `drain`, and consumers of `idle`; `flow` and `paced` give one half to producers and
    /// one to workers, at least one each. `nil`: as many as suit the workload.
    package var connections: Int?
    /// Jobs that a producer has submitted without an answer (closed loop).
    package var outstanding = 256
    /// Most jobs of one `SUBMIT`; `nil`: as many as suit the payloads.
    package var batch: Int?
    /// Jobs a second of `paced` (open loop).
    package var rate = 1_000
    /// Deliveries that a worker has unsettled.
    package var credit = 1024
    package var payload = PayloadSource.generated(byteCount: 256)
    package var compression = PayloadCompression.none
    package var durability = Durability.disk
    /// The same seed gives the same payloads.
    package var seed: UInt64 = 1
    /// Kills the run's own broker in the middle of each workload that can do without for a moment.
    package var kills = false
    /// Begins the names of the queues; unique, so that a run finds its own jobs only.
    package var queuePrefix = "bench-\(String(UInt64.random(in: 1...UInt64.max), radix: 16))"
    /// A server that does nothing for this long has lost what is missing. Longer than a default lease, so that
    /// a job hidden behind one is waited for.
    package var stallMilliseconds = 40_000

    package enum Target: Sendable {
        case server(host: String, port: Int)
        /// A broker started for this run, its data in a temporary directory below `directory`.
        case ownBroker(executable: String, directory: String)
    }

    package init(target: Target) { self.target = target }

    /// Of every job of a run.
    static let jobType = "bench"
}

/// How payloads travel.
package enum PayloadCompression: String, CaseIterable, Codable, Sendable {
    case none
    /// Each by itself, as clients do; those that would not become smaller go as they are.
    case zstd
    /// With a dictionary made of such payloads and registered with the server; those that it would not make smaller
    /// as with `zstd`, and all of them where a dictionary would not pay.
    case dictionary
}

// MARK: What suits a workload

extension BenchOptions {
    /// Jobs after which a workload ends.
    func jobs(of workload: Workload) -> Int {
        if let jobs { return jobs }
        switch workload {
        case .mass: return 1_000_000
        case .paced: return .max
        case _ where milliseconds != nil: return .max
        case .sync: return 5_000
        case .idle: return 1_000
        case .submit, .drain, .flow, .backlog, .retention: return 1_000_000
        }
    }

    func millisecondsMax(of workload: Workload) -> Int? {
        if let milliseconds { return milliseconds }
        switch workload {
        case .sync, .idle: return 3_000
        case .paced: return jobs == nil ? 10_000 : nil
        // On a machine where a million jobs would take too long.
        case .submit, .drain, .flow: return jobs == nil ? 20_000 : nil
        case .backlog, .retention, .mass: return nil
        }
    }

    func connections(of workload: Workload) -> Int {
        switch workload {
        case .sync, .mass: 1
        case .idle: connections ?? 2_000
        case .submit, .drain, .flow, .paced, .backlog, .retention: connections ?? 4
        }
    }

    /// Jobs of one `SUBMIT`.
    var jobsPerFrame: Int {
        min(outstanding, batch ?? max(1, min(128, BenchOptions.frameBytes / payload.byteCountMax)))
    }

    /// A larger frame would make others wait behind it.
    private static let frameBytes = 256 << 10
}

// MARK: Checks

extension BenchOptions {
    /// - Throws: `BenchError` of usage, naming flag, value and limit.
    package func check() throws(BenchError) {
        try check("--jobs", jobs, 1...1_000_000_000)
        try check("--duration in milliseconds", milliseconds, 1...86_400_000)
        try check("--warmup in milliseconds", warmupMilliseconds, 0...3_600_000)
        try check("--connections", connections, 1...20_000)
        try check("--outstanding", outstanding, 1...1_000_000)
        try check("--batch", batch, 1...Limits.batchMax)
        try check("--rate", rate, 1...1_000_000)
        try check("credit", credit, 1...Limits.creditJobsMax)
        try payload.check()
        try checkTogether()
    }

    private func checkTogether() throws(BenchError) {
        let message = jobsPerFrame * payload.byteCountMax
        if let batch, message > Limits.messageBytesMax() / 2 {
            throw .outOfRange(
                flag: "--batch", value: batch,
                range: 1...max(1, Limits.messageBytesMax() / 2 / payload.byteCountMax),
                limit: "one message, with payloads of this size")
        }
        let frames = (outstanding + jobsPerFrame - 1) / jobsPerFrame
        if frames > Limits.requestsInFlightMax {
            throw .outOfRange(
                flag: "--outstanding", value: outstanding,
                range: 1...Limits.requestsInFlightMax * jobsPerFrame,
                limit: "requests_in_flight_max")
        }
        guard kills else { return }
        guard case .ownBroker = target else {
            throw .invalidOption("--kill kills the bench's own broker: leave out --server")
        }
        guard durability == .disk else {
            throw .invalidOption(
                "--kill proves what durability disk promises; memory promises nothing of the kind")
        }
    }

    private func check(
        _ flag: String, _ value: Int?, _ range: ClosedRange<Int>
    ) throws(BenchError) {
        guard let value, !range.contains(value) else { return }
        throw .outOfRange(flag: flag, value: value, range: range)
    }
}
