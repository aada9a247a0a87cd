/// How long a job waits after a failure. The random number comes with the turn, so that the same turn
/// gives the same rows. (Source of the jitter: "Exponential Backoff And Jitter", AWS Architecture Blog,
/// 2015.)
package struct Backoff: Sendable, Equatable {
    package enum Kind: UInt8, Sendable {
        /// Not at all.
        case none = 0
        /// `base`, each time.
        case fixed = 1
        /// min(cap, base × factorⁿ⁻¹) after the n-th failure.
        case exponential = 2
    }

    package enum Jitter: UInt8, Sendable {
        case none = 0
        /// A random time between 0 and what the kind says.
        case full = 1
    }

    package var kind: Kind
    package var jitter: Jitter
    /// In hundredths, at least 100.
    package var factor: UInt16
    /// Milliseconds.
    package var base: UInt32
    /// Milliseconds.
    package var cap: UInt32

    package init(
        kind: Kind = .exponential, jitter: Jitter = .full, factor: UInt16 = 200, base: UInt32,
        cap: UInt32
    ) {
        self.kind = kind
        self.jitter = jitter
        self.factor = factor
        self.base = base
        self.cap = cap
    }

    package static let standard = Backoff(base: 1_000, cap: 3_600_000)

    /// - Parameters:
    ///   - failures: how often the job has failed, at least 1.
    ///   - random: uniformly distributed over all values.
    /// - Returns: milliseconds to wait.
    func delay(failures: UInt16, random: UInt64) -> UInt64 {
        let ceiling = ceiling(failures: failures)
        return jitter == .none ? ceiling : random.multipliedFullWidth(by: ceiling + 1).high
    }

    private func ceiling(failures: UInt16) -> UInt64 {
        switch kind {
        case .none: return 0
        case .fixed: return UInt64(base)
        case .exponential:
            let cap = UInt64(cap)
            var ceiling = min(UInt64(base), cap)
            guard factor > 100 else { return ceiling }
            for _ in 1..<max(failures, 1) where ceiling < cap {
                ceiling = min(cap, max(ceiling + 1, ceiling * UInt64(factor) / 100))
            }
            return ceiling
        }
    }
}

/// One step of SplitMix64: turns the turn's random number and a job's id into a number of the job's own.
/// (Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.)
func mixed(_ random: UInt64, _ id: UInt64) -> UInt64 {
    var z = random &+ (id &* 0x9e37_79b9_7f4a_7c15)
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
}
