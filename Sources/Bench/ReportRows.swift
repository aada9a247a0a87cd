/// What a run says to spreadsheets: a line of names, then one of figures for each workload.
package struct ReportRows: Sendable {
    package init() {}

    package func lines(for event: BenchEvent) -> [String] {
        switch event {
        case .started: [ReportRows.columns.map(\.name).joined(separator: ",")]
        case .measured(let result):
            [ReportRows.columns.map { $0.value(result) }.joined(separator: ",")]
        case .progress, .ended: []
        }
    }

    private struct Column: Sendable {
        let name: String
        let value: @Sendable (WorkloadResult) -> String

        init(_ name: String, _ value: @escaping @Sendable (WorkloadResult) -> String) {
            self.name = name
            self.value = value
        }

        /// A figure that not every workload has.
        init(_ name: String, optional value: @escaping @Sendable (WorkloadResult) -> Int?) {
            self.init(name) { result in value(result).map(String.init) ?? "" }
        }
    }

    private static let columns: [Column] = shape + figures + phases + verdict

    private static let shape: [Column] = [
        Column("workload") { $0.workload.rawValue },
        Column("part") { $0.part ?? "" },
        Column("durability") { $0.durability },
        Column("jobs") { String($0.jobs) },
        Column("payload_bytes") { String($0.payloadBytes) },
        Column("carried_bytes", optional: { $0.carriedBytes }),
        Column("dictionary_bytes", optional: { $0.dictionaryBytes }),
        Column("connections") { String($0.connections) },
        Column("outstanding") { String($0.outstanding) },
        Column("batch", optional: { $0.batch }),
        Column("rate", optional: { $0.rate }),
    ]

    private static let figures: [Column] = [
        Column("seconds") { String($0.seconds) },
        Column("jobs_per_second") { String($0.jobsPerSecond) },
        Column("p50_us") { String($0.p50Microseconds) },
        Column("p99_us") { String($0.p99Microseconds) },
        Column("p999_us") { String($0.p999Microseconds) },
        Column("max_us") { String($0.maxMicroseconds) },
    ]

    private static let phases: [Column] = LatencyPhase.allCases.flatMap { phase in
        [
            Column("\(phase)_p50_us") { latency(of: phase, $0).map { String($0.p50) } ?? "" },
            Column("\(phase)_p99_us") { latency(of: phase, $0).map { String($0.p99) } ?? "" },
        ]
    }

    private static let verdict: [Column] = [
        Column("lost") { String($0.lost) },
        Column("duplicated") { String($0.duplicated) },
        Column("damaged") { String($0.damaged) },
    ]

    private static func latency(
        of phase: LatencyPhase, _ result: WorkloadResult
    ) -> LatencySummary? {
        result.phases?[phase.rawValue]
    }
}
