import Histogram

/// Every latency of a run, in buckets of at most 1/1,000 of their value.
struct Latencies {
    private var histogram: Histogram<UInt32>

    /// Twenty minutes: longer ones count as this much.
    private static let nanosecondsMax: UInt64 = 1_200_000_000_000

    init() {
        histogram = Histogram(
            lowestDiscernibleValue: 64, highestTrackableValue: Latencies.nanosecondsMax,
            numberOfSignificantValueDigits: .three)
    }

    mutating func record(from begin: UInt64, to end: UInt64, count: Int = 1) {
        let nanoseconds = min(end > begin ? end - begin : 0, Latencies.nanosecondsMax)
        histogram.record(nanoseconds, count: UInt32(count))
    }

    var summary: LatencySummary {
        LatencySummary(
            p50: microseconds(50), p99: microseconds(99), p999: microseconds(99.9),
            max: Double(histogram.max) / 1_000)
    }

    private func microseconds(_ percentile: Double) -> Double {
        Double(histogram.valueAtPercentile(percentile)) / 1_000
    }
}

/// Microseconds.
struct LatencySummary: Equatable, Sendable {
    var p50: Double
    var p99: Double
    var p999: Double
    var max: Double
}
