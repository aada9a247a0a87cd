package import MartletWire

/// One workload's figures, as `--json` prints them.
package struct WorkloadResult: Codable, Equatable, Sendable {
    package var workload: Workload
    /// Which of its figures: a `KeepingTime` of `retention`, a `MassChange` of `mass`; the others have one.
    package var part: String?
    /// What each acknowledgement was worth: `memory` or `disk`.
    package var durability: String
    /// Acknowledged jobs.
    package var jobs: Int
    package var payloadBytes: Int
    /// All of them; half of them work in `flow`.
    package var connections: Int
    /// Of each connection: submissions without an answer, or, in `drain`, unsettled deliveries.
    package var outstanding: Int
    /// From the first thing sent to the last acknowledgement.
    package var seconds: Double
    package var jobsPerSecond: Double
    /// `sync` and `submit`: submission sent to acknowledged. `drain`: delivery received to settlement acknowledged.
    /// `flow` and `retention`: submission sent to delivery received. Each from all jobs, in microseconds.
    /// `mass`: `PING` sent to answered, one each millisecond.
    package var p50Microseconds: Double
    package var p99Microseconds: Double
    package var p999Microseconds: Double
    package var maxMicroseconds: Double
    /// Acknowledged and never delivered.
    package var lost: Int
    /// Deliveries beyond the first of a job.
    package var duplicated: Int
    /// Deliveries whose bytes were not those submitted.
    package var damaged: Int
    /// `sync`, with a broker of our own: one synchronous append to a pre-written file on the same disk.
    package var append: AppendProbe?
    /// `submit`, with a broker of our own: what the waiting jobs occupy.
    package var footprint: BrokerFootprint?

    package var isExact: Bool { lost == 0 && duplicated == 0 && damaged == 0 }

    enum CodingKeys: String, CodingKey {
        case workload, part, durability, jobs, connections, outstanding, seconds, lost, duplicated,
            damaged
        case append, footprint
        case payloadBytes = "payload_bytes"
        case jobsPerSecond = "jobs_per_second"
        case p50Microseconds = "p50_us"
        case p99Microseconds = "p99_us"
        case p999Microseconds = "p999_us"
        case maxMicroseconds = "max_us"
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
        payloadBytes = options.payloadBytes
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
