/// Exponential backoff with full jitter: after the n-th failure a job waits a random time between
/// 0 and min(cap, base × 2ⁿ⁻¹). The random number comes with the turn, so that the same turn gives
/// the same rows. (Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.)
package struct Backoff: Sendable, Equatable {
    /// Milliseconds.
    package var base: UInt32
    /// Milliseconds.
    package var cap: UInt32

    package init(base: UInt32, cap: UInt32) {
        self.base = base
        self.cap = cap
    }

    package static let standard = Backoff(base: 1_000, cap: 3_600_000)

    /// - Parameters:
    ///   - failures: how often the job has failed, at least 1.
    ///   - random: uniformly distributed over all values.
    /// - Returns: milliseconds to wait.
    func delay(failures: UInt16, random: UInt64) -> UInt64 {
        let doublings = min(UInt64(failures) - 1, 32)
        let ceiling = min(UInt64(cap), UInt64(base) << doublings)
        return random.multipliedFullWidth(by: ceiling + 1).high
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
