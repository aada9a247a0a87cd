/// What happened in a queue in the last minute, in steps of ten seconds. It is in memory only: after a
/// restart it begins at zero.
struct QueueRates {
    enum Event: Int { case submitted, completed, failed }

    private static let steps: UInt64 = 6
    private static let stepMilliseconds: UInt64 = 10_000

    private var counts = InlineArray<18, UInt32>(repeating: 0)
    /// The step of time that was counted in last.
    private var step: UInt64 = 0

    mutating func count(_ event: Event, at now: UInt64, times: UInt32 = 1) {
        let step = now / QueueRates.stepMilliseconds
        if step != self.step { forget(before: step) }
        counts[event.rawValue * 6 + Int(step % QueueRates.steps)] &+= times
    }

    /// How often in the minute before `now`.
    func lastMinute(_ event: Event, at now: UInt64) -> UInt32 {
        var rates = self
        rates.forget(before: now / QueueRates.stepMilliseconds)
        return (0..<6).reduce(0) { $0 &+ rates.counts[event.rawValue * 6 + $1] }
    }

    private mutating func forget(before step: UInt64) {
        guard step > self.step else { return }
        for offset in 0..<min(step - self.step, QueueRates.steps) {
            let place = Int((step - offset) % QueueRates.steps)
            for event in 0..<3 { counts[event * 6 + place] = 0 }
        }
        self.step = step
    }
}

/// Events of the last minute.
package struct MinuteRates: Sendable, Equatable {
    package var submitted: UInt32 = 0
    package var completed: UInt32 = 0
    /// Failed attempts.
    package var failed: UInt32 = 0
}
