import Broker

/// The time of the broker that ``withMartlet(handlers:queues:logger:_:)`` runs. It goes by itself,
/// and faster when a test says so.
public struct MartletClock: Sendable {
    let broker: Broker

    /// Lets time pass at once: what is due by then is done next. Waiting for it is for
    /// ``MartletClient/MartletClient/runUntilIdle()``.
    ///
    /// - Precondition: `duration` is not negative.
    public func advance(by duration: Duration) async throws {
        precondition(duration >= .zero, "time goes forward only")
        let milliseconds = (duration / .milliseconds(1)).rounded(.up)
        try await broker.advance(milliseconds: UInt64(milliseconds))
    }
}
