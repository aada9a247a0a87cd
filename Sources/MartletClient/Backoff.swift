/// Delays between attempts: they grow exponentially, with full jitter, so that clients that lost
/// the same server do not come back to it in step.
package struct Backoff: Sendable {
    /// Upper bound of the first delay.
    private let base: Duration
    /// Upper bound of every delay.
    private let cap: Duration
    private var attempt = 0

    package init(base: Duration = .milliseconds(100), cap: Duration = .seconds(10)) {
        self.base = base
        self.cap = cap
    }

    /// A random delay between zero and min(cap, base × 2ⁿ) for the n-th call, counted from zero.
    ///
    /// - Parameter least: the server's wish, which the delay does not undercut.
    package mutating func next(atLeast least: Duration = .zero) -> Duration {
        // 2³⁰ times any sensible base is far above any sensible cap, and does not overflow.
        let bound = min(cap, base * (1 << min(attempt, 30)))
        attempt += 1
        return least + bound * Double.random(in: 0...1)
    }

    /// The next delay is a first one again.
    package mutating func reset() {
        attempt = 0
    }
}
