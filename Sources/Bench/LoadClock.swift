import NIOCore

/// The one clock of a run: monotonic nanoseconds. Read once for everything that came in one read, not once a job.
enum LoadClock {
    static func now() -> UInt64 { NIODeadline.now().uptimeNanoseconds }
}
