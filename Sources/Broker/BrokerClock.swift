#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Milliseconds since 1970 that only go forward: the wall clock is read once, then the monotonic one is
/// followed, so that setting the clock ends no lease early and holds none for ever.
struct BrokerClock: Sendable {
    private let wallStart = BrokerClock.milliseconds(CLOCK_REALTIME)
    private let monotonicStart = BrokerClock.milliseconds(CLOCK_MONOTONIC)

    var now: UInt64 { wallStart + BrokerClock.milliseconds(CLOCK_MONOTONIC) - monotonicStart }

    private static func milliseconds(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
    }
}
