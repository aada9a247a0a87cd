import NIOCore

/// One scheduled callback for a machine's deadline, which moves with every frame.
///
/// It is only scheduled anew when the deadline comes nearer; when it fires too early, whoever is called looks at its
/// deadline and sets it again.
struct Alarm {
    private var current: (at: NIODeadline, callback: NIOScheduledCallback)?

    mutating func set(
        _ deadline: NIODeadline?, on eventLoop: any EventLoop,
        for handler: some NIOScheduledCallbackHandler
    ) {
        guard let deadline else { return }
        if let current, current.at <= deadline { return }
        cancel()
        do {
            let callback = try eventLoop.assumeIsolated().scheduleCallback(
                at: deadline, handler: handler)
            current = (deadline, callback)
        } catch {
            // The event loop is shutting down, and every connection with it.
            current = nil
        }
    }

    /// To be called when it fires, before `set`.
    mutating func fired() {
        current = nil
    }

    mutating func cancel() {
        current?.callback.cancel()
        current = nil
    }
}

extension TimeAmount {
    var milliseconds: Int64 { nanoseconds / 1_000_000 }

    static func / (time: TimeAmount, divisor: Int64) -> TimeAmount {
        .nanoseconds(time.nanoseconds / divisor)
    }
}
