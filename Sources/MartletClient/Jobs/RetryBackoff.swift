extension JobOptions {
    /// How long a job waits after it failed, before it is ready again.
    public struct RetryBackoff: Hashable, Sendable {
        package let kind: Kind
        package let jitter: Jitter
        /// Each wait is so many times the one before, 1 … 10, to two decimals.
        package let factor: Double
        package let base: Duration
        package let cap: Duration

        /// Ready again at once.
        public static let immediate = Self(
            kind: .immediate, jitter: .none, factor: 1, base: .milliseconds(1),
            cap: .milliseconds(1))

        /// The same wait after every failure, 1 millisecond … 1 day.
        public static func fixed(_ wait: Duration, jitter: Jitter = .none) -> Self {
            Self(kind: .fixed, jitter: jitter, factor: 1, base: wait, cap: wait)
        }

        /// After the n-th failure min(cap, base × factorⁿ⁻¹), or with full jitter a random time up
        /// to that.
        ///
        /// - Parameters:
        ///   - base: 1 millisecond … 1 day.
        ///   - factor: 1 … 10, to two decimals.
        ///   - cap: 1 millisecond … 1 day.
        public static func exponential(
            base: Duration = .seconds(1), factor: Double = 2, cap: Duration = .seconds(3_600),
            jitter: Jitter = .full
        ) -> Self {
            Self(kind: .exponential, jitter: jitter, factor: factor, base: base, cap: cap)
        }

        /// Whether waits are shortened at random, so that jobs that failed together don't come back
        /// together.
        public enum Jitter: Sendable {
            case none
            /// A random time between zero and the wait.
            case full
        }

        package enum Kind: Sendable {
            case immediate
            case fixed
            case exponential
        }
    }
}
