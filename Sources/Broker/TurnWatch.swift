import Glibc
import NIOCore

/// How long the parts of a turn took, in nanoseconds.
struct TurnTimes: Equatable {
    /// Commands, deliveries, and what was due.
    var apply: UInt64 = 0
    /// The append to the log.
    var commit: UInt64 = 0
    /// Moving the log's turns to the data file; most turns have none.
    var checkpoint: UInt64 = 0
    /// Of all that, the time that the thread worked: the rest it waited, for the disk or for a processor.
    var work: UInt64 = 0

    var total: UInt64 { apply + commit + checkpoint }
}

/// Notes the longest turn of every few seconds: while one goes on, everybody waits.
struct TurnWatch {
    /// A turn that takes longer than this is worth a warning, in nanoseconds.
    static let long: UInt64 = 50_000_000
    /// Between two reports, in nanoseconds.
    static let interval: UInt64 = 5_000_000_000

    private var longest = TurnTimes()
    private var mostWork: UInt64 = 0
    private var reportAt: UInt64 = 0

    /// - Parameter now: monotonic nanoseconds.
    /// - Returns: when it is time for a report, the longest turn since the last one, with the most work that any did.
    mutating func note(_ times: TurnTimes, at now: UInt64) -> TurnTimes? {
        if times.total > longest.total { longest = times }
        mostWork = max(mostWork, times.work)
        guard now >= reportAt else { return nil }
        defer {
            longest = TurnTimes()
            mostWork = 0
            reportAt = now + TurnWatch.interval
        }
        longest.work = mostWork
        return longest
    }

    static func now() -> UInt64 { NIODeadline.now().uptimeNanoseconds }

    /// How long this thread has worked, in nanoseconds.
    static func work() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
