import NIOCore

/// The worker's time, so that tests can bring their own.
struct WorkerClock: Sendable {
    var now: @Sendable () -> NIODeadline
    /// Returns at the time, or when its task is cancelled.
    var sleep: @Sendable (_ until: NIODeadline) async -> Void

    static let system = WorkerClock(
        now: { .now() },
        sleep: { deadline in
            let rest = deadline - .now()
            guard rest > .zero else { return }
            do {
                try await Task.sleep(for: .nanoseconds(rest.nanoseconds))
            } catch {
                // Cancelled: whoever sleeps looks at that.
            }
        })
}
