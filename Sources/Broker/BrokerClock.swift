import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Milliseconds since 1970 that only go forward: the wall clock is read once, then the monotonic one is
/// followed, so that setting the clock ends no lease early and holds none for ever.
package struct BrokerClock: Sendable {
    private let wallStart = BrokerClock.milliseconds(CLOCK_REALTIME)
    private let monotonicStart = BrokerClock.milliseconds(CLOCK_MONOTONIC)
    private let skipped = Skipped()
    private let goes: Bool

    package init() { goes = true }

    private init(goes: Bool) { self.goes = goes }

    /// One that stands still but for `skip`.
    package static func stopped() -> BrokerClock { BrokerClock(goes: false) }

    package var now: UInt64 {
        let passed = goes ? BrokerClock.milliseconds(CLOCK_MONOTONIC) - monotonicStart : 0
        return wallStart + passed + skipped.milliseconds.load(ordering: .relaxed)
    }

    /// For tests, which need not wait: this time has passed. `Broker.advance` says so to a broker that runs.
    package func skip(milliseconds: UInt64) {
        skipped.milliseconds.wrappingAdd(milliseconds, ordering: .relaxed)
    }

    private static func milliseconds(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
    }

    private final class Skipped: Sendable {
        let milliseconds = Atomic<UInt64>(0)
    }
}
