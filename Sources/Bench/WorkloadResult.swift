package import MartletWire

/// One workload's figures, as `--json` prints them.
package struct WorkloadResult: Codable, Equatable, Sendable {
    package var workload: Workload
    /// Which of its figures: a `KeepingTime` of `retention`, a `MassChange` of `mass`; the others have one.
    package var part: String?
    /// What each acknowledgement was worth: `memory` or `disk`.
    package var durability: String
    /// Acknowledged jobs, those of the warm-up included.
    package var jobs: Int
    /// Of the mean payload, and what it came to on its way.
    package var payloadBytes: Int
    package var carriedBytes: Int?
    /// Of the dictionary that payloads were compressed with; nil: none was used.
    package var dictionaryBytes: Int?
    /// All of them; half of them work in `flow` and `paced`.
    package var connections: Int
    /// Of each connection: jobs without an answer, or, in `drain`, unsettled deliveries.
    package var outstanding: Int
    /// Most jobs of one `SUBMIT`.
    package var batch: Int?
    /// Jobs a second that were asked for: `paced`.
    package var rate: Int?
    /// From the first thing sent to the last acknowledgement, without the warm-up.
    package var seconds: Double
    package var jobsPerSecond: Double
    /// `sync` and `submit`: submission sent to acknowledged. `drain` and `backlog`: delivery received to settlement
    /// acknowledged. `flow`, `paced`, `idle` and `retention`: submission sent to delivery received; in `paced`, the
    /// instant at which it should have been sent. Each from all jobs, in microseconds.
    /// `mass`: `PING` sent to answered, one each millisecond.
    package var p50Microseconds: Double
    package var p99Microseconds: Double
    package var p999Microseconds: Double
    package var maxMicroseconds: Double
    /// Every phase that was timed, by `LatencyPhase`.
    package var phases: [String: LatencySummary]?
    /// Of the client and, with a broker of our own, of the broker.
    package var processor: ProcessorCost?
    /// Acknowledged and never delivered.
    package var lost: Int
    /// Deliveries beyond the first of a job.
    package var duplicated: Int
    /// Deliveries whose bytes were not those submitted.
    package var damaged: Int
    /// `sync`, with a broker of our own: one synchronous append to a pre-written file on the same disk.
    package var append: AppendProbe?
    /// `submit` and `backlog`, with a broker of our own: what the waiting jobs occupy.
    package var footprint: BrokerFootprint?
    /// `idle`, with a broker of our own.
    package var idle: IdleCost?
    /// The broker was killed in the middle.
    package var restart: RestartReport?

    package var isExact: Bool { lost == 0 && duplicated == 0 && damaged == 0 }

    /// Whether what was promised was kept: whoever kills the broker may be delivered a job again, and none is lost.
    package var isKept: Bool { restart == nil ? isExact : lost == 0 && damaged == 0 }

    enum CodingKeys: String, CodingKey {
        case workload, part, durability, jobs, connections, outstanding, batch, rate, seconds
        case lost, duplicated, damaged, phases, processor, append, footprint, idle, restart
        case payloadBytes = "payload_bytes"
        case carriedBytes = "carried_bytes"
        case dictionaryBytes = "dictionary_bytes"
        case jobsPerSecond = "jobs_per_second"
        case p50Microseconds = "p50_us"
        case p99Microseconds = "p99_us"
        case p999Microseconds = "p999_us"
        case maxMicroseconds = "max_us"
    }
}

/// What consumers that wait for work cost the broker.
package struct IdleCost: Codable, Equatable, Sendable {
    /// Memory that is the process's own, of each connection.
    package var bytesPerConnection: Int
    /// Of one processor, while nothing happens.
    package var processorShare: Double

    enum CodingKeys: String, CodingKey {
        case bytesPerConnection = "bytes_per_connection"
        case processorShare = "processor_share"
    }
}

/// The broker was killed with SIGKILL and started again on its data.
package struct RestartReport: Codable, Equatable, Sendable {
    /// From the kill until it said that it is ready.
    package var readySeconds: Double
    /// From the kill until the first job was delivered: `backlog`.
    package var firstJobSeconds: Double?

    enum CodingKeys: String, CodingKey {
        case readySeconds = "ready_seconds"
        case firstJobSeconds = "first_job_seconds"
    }
}

extension WorkloadResult {
    init(
        _ workload: Workload, options: BenchOptions, connections: Int, outstanding: Int,
        seconds: Double, latency: LatencySummary, verdict: DeliveryVerdict
    ) {
        self.workload = workload
        durability = options.durability.name
        jobs = verdict.acknowledged
        payloadBytes = options.payload.byteCountMax
        self.connections = connections
        self.outstanding = outstanding
        self.seconds = seconds
        jobsPerSecond = seconds > 0 ? Double(verdict.acknowledged) / seconds : 0
        p50Microseconds = latency.p50
        p99Microseconds = latency.p99
        p999Microseconds = latency.p999
        maxMicroseconds = latency.max
        lost = verdict.lost
        duplicated = verdict.duplicated
        damaged = verdict.damaged
    }

    /// - Parameters:
    ///   - phases: Those that say something about this workload; the first stands in the table.
    ///   - submitted: The stage that submitted the jobs, when that was another one.
    init(
        _ workload: Workload, options: BenchOptions, connections: Int, outstanding: Int,
        stage: MeasuredStage, phases: [LatencyPhase], submitted: LoadFigures? = nil,
        verdict: DeliveryVerdict
    ) {
        let figures = stage.figures
        let main = phases.first.map { figures.latencies[$0] } ?? Latencies()
        self.init(
            workload, options: options, connections: connections, outstanding: outstanding,
            seconds: figures.seconds, latency: main.summary, verdict: verdict)
        jobsPerSecond = figures.seconds > 0 ? Double(figures.jobs) / figures.seconds : 0
        let timed = phases.filter { figures.latencies[$0].count > 0 }
        self.phases = Dictionary(
            uniqueKeysWithValues: timed.map { ($0.rawValue, figures.latencies[$0].summary) })
        let source = submitted ?? figures
        if source.submitted > 0 {
            payloadBytes = source.bytes.raw / source.submitted
            carriedBytes = source.bytes.carried / source.submitted
        }
        processor = stage.processor
        restart = stage.restart
    }
}

extension Durability {
    /// As flags and JSON call it.
    package var name: String {
        switch self {
        case .memory: "memory"
        case .disk: "disk"
        }
    }
}
