package import MartletWire

/// What is known at a moment of a run.
package enum BenchEvent: Sendable {
    case started(BenchHeader)
    /// Some times a second, while a workload is measured.
    case progress(BenchProgress)
    case measured(WorkloadResult)
    /// Of all workloads together, with every latency of each.
    case ended(DeliveryVerdict, [LatencyDistribution] = [])
}

/// What stands above the figures.
package struct BenchHeader: Equatable, Sendable {
    package var cores: Int
    /// Of the longest.
    package var payloadBytes: Int
    package var compression = PayloadCompression.none
    /// Of the dictionary that payloads are compressed with; nil: none is used.
    package var dictionaryBytes: Int?
    package var durability: Durability
    package var seed: UInt64 = 1
    /// With a broker of our own only: elsewhere its disk can't be reached.
    package var append: AppendProbe?
}

/// How far a stage of a workload is.
package struct BenchProgress: Equatable, Sendable {
    /// Whose name ends with the workload.
    package var queue: String
    /// A backlog is worked off otherwise.
    package var isSubmitting: Bool
    package var jobs: Int
    /// From 0 to 1.
    package var share: Double
}

/// Every latency of one phase of a workload.
package struct LatencyDistribution: Sendable {
    package var workload: Workload
    package var part: String?
    package var phase: LatencyPhase
    /// The phase whose figures stand in the table.
    package var isMain: Bool
    var latencies: Latencies

    /// `flow-start`, `keep-short-start`: what a file with it is called.
    package var name: String {
        [workload.rawValue, part, phase.rawValue].compactMap { $0 }.joined(separator: "-")
    }

    /// As HdrHistogram's tools read it, in microseconds.
    package var percentileTable: String { latencies.percentileTable }
}
