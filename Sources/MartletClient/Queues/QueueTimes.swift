package import MartletWire

/// How long jobs of one type took in a queue, since the queue exists.
public struct QueueTimes: Sendable {
    public let type: String
    /// From submitted, or due, to delivered.
    public let wait: Histogram
    /// From delivered to settled.
    public let run: Histogram
    /// From submitted to finished.
    public let total: Histogram
}

extension QueueTimes {
    /// Times, counted in buckets each of which is twice as wide as the one before.
    public struct Histogram: Hashable, Sendable {
        public let count: UInt64
        public let sum: Duration
        /// Bucket n counts times below 2ⁿ milliseconds that are in none before it; the last holds
        /// the rest.
        public let buckets: [UInt64]

        public init(count: UInt64, sum: Duration, buckets: [UInt64]) {
            self.count = count
            self.sum = sum
            self.buckets = buckets
        }

        /// nil while nothing was counted.
        public var mean: Duration? {
            count == 0 ? nil : sum / Double(count)
        }

        /// An estimate of the time that so many percent of the jobs stayed below: within the right
        /// bucket, so that it is wrong by a factor of two at most; of the open last bucket it is
        /// the lower end. nil while nothing was counted.
        ///
        /// - Parameter percent: 0 … 100; what is outside is taken as the nearest of the two.
        public func percentile(_ percent: Double) -> Duration? {
            let counted = buckets.reduce(0) { Double($1) + $0 }
            guard counted > 0 else { return nil }
            let rank = counted * min(max(percent, 0), 100) / 100
            var below = 0.0
            for (index, jobs) in buckets.enumerated() where jobs > 0 {
                if below + Double(jobs) >= rank {
                    let isOpen = index == buckets.count - 1
                    return Self.time(
                        at: isOpen ? 0 : (rank - below) / Double(jobs), ofBucket: index)
                }
                below += Double(jobs)
            }
            return nil
        }

        private static func time(at share: Double, ofBucket index: Int) -> Duration {
            let lower = index == 0 ? 0 : exp2(index - 1)
            return .milliseconds(1) * (lower + (exp2(index) - lower) * share)
        }

        private static func exp2(_ exponent: Int) -> Double {
            Double(sign: .plus, exponent: exponent, significand: 1)
        }
    }
}

extension QueueTimes {
    package init(_ times: TypeTimes) {
        type = times.type
        wait = Histogram(times.wait)
        run = Histogram(times.run)
        total = Histogram(times.total)
    }
}

extension QueueTimes.Histogram {
    fileprivate init(_ histogram: TimeHistogram) {
        self.init(
            count: histogram.count, sum: .milliseconds(histogram.sumMilliseconds),
            buckets: histogram.buckets)
    }
}
