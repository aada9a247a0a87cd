import Histogram

/// Every latency of a run, in buckets of at most 1/1,000 of their value.
struct Latencies: Sendable {
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

    var count: Int { Int(histogram.totalCount) }

    /// How many were at most each of `bounds` long, and longer than the one before; the last are longer than all.
    ///
    /// - Parameter bounds: Ascending, in microseconds.
    func counts(upTo bounds: [Double]) -> [Int] {
        var counts = Array(repeating: 0, count: bounds.count + 1)
        for value in histogram.recordedValues() {
            let microseconds = Double(value.value) / 1_000
            counts[bounds.firstIndex { microseconds <= $0 } ?? bounds.count] += Int(value.count)
        }
        return counts
    }

    /// As HdrHistogram's tools read it, in microseconds.
    var percentileTable: String {
        var table = ""
        histogram.outputPercentileDistribution(to: &table, outputValueUnitScalingRatio: 1_000)
        return table
    }

    private func microseconds(_ percentile: Double) -> Double {
        Double(histogram.valueAtPercentile(percentile)) / 1_000
    }
}

/// Microseconds.
package struct LatencySummary: Codable, Equatable, Sendable {
    package var p50: Double
    package var p99: Double
    package var p999: Double
    package var max: Double

    enum CodingKeys: String, CodingKey {
        case p50 = "p50_us"
        case p99 = "p99_us"
        case p999 = "p999_us"
        case max = "max_us"
    }
}
