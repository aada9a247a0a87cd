/// A distribution in lines of text: how many jobs took how long, in steps of 1, 2, 5, 10.
struct LatencyChart {
    private let distribution: LatencyDistribution

    private static let barWidth = 40
    /// Microseconds.
    private static let bounds = [10.0, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9].flatMap {
        [$0, 2 * $0, 5 * $0]
    }
    /// Less than this share of the jobs at either end is not worth a line of its own.
    private static let shareMin = 0.0001

    init(_ distribution: LatencyDistribution) { self.distribution = distribution }

    var lines: [String] {
        let counts = distribution.latencies.counts(upTo: LatencyChart.bounds)
        let total = counts.reduce(0, +)
        guard total > 0 else { return [] }
        let shown = counts.indices.filter {
            Double(counts[$0]) >= LatencyChart.shareMin * Double(total)
        }
        guard let first = shown.first, let last = shown.last else { return [] }
        let most = counts.max() ?? 1
        return [title] + (first...last).map { line($0, counts[$0], most, total) }
    }

    private var title: String {
        let name = [distribution.workload.rawValue, distribution.part].compactMap { $0 }
            .joined(separator: " ")
        return "\(name): \(LatencyChart.sentence(distribution.phase, distribution.workload))"
    }

    private static func sentence(_ phase: LatencyPhase, _ workload: Workload) -> String {
        let sent = workload == .paced ? "when it should have been sent" : "sent"
        return switch phase {
        case .acknowledge: "\(sent) to acknowledged"
        case .start: "\(sent) to delivered"
        case .done: "delivered to settled"
        case .late: "when it should have been sent to sent"
        }
    }

    private func line(_ bucket: Int, _ count: Int, _ most: Int, _ total: Int) -> String {
        let bound =
            bucket < LatencyChart.bounds.count
            ? "≤ " + ReportTable.milliseconds(LatencyChart.bounds[bucket]) : "longer"
        let bar = String(repeating: "#", count: count * LatencyChart.barWidth / most)
        let share = ReportTable.fixed(Double(count) * 100 / Double(total), 2) + " %"
        return ReportTable.right(bound, 14) + ReportTable.right(share, 10) + "  " + bar
    }
}
