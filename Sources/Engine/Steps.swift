import Store

/// What a turn may still do of what no request of this turn asked for: timers, actions on many jobs,
/// queues that are being deleted. Measured by what was done, so that a turn is short whatever the jobs are like:
/// what is read costs a step, and what is changed counts in rows and bytes.
struct Steps {
    private(set) var left = EngineLimits.stepsPerTurn
    /// How much the turn will have changed when it is enough.
    private let changedRowsMax: Int
    private let changedBytesMax: Int

    init(_ rows: borrowing Transaction) {
        changedRowsMax = rows.changedRows + EngineLimits.changedRowsPerTurn
        changedBytesMax = rows.changedBytes + EngineLimits.changedBytesPerTurn
    }

    /// Whether there may be another one.
    func areLeft(_ rows: borrowing Transaction) -> Bool { left > 0 && hasRoom(rows) }

    /// Whether the turn may change more.
    func hasRoom(_ rows: borrowing Transaction) -> Bool {
        rows.changedRows < changedRowsMax && rows.changedBytes < changedBytesMax
    }

    static func -= (steps: inout Steps, taken: Int) { steps.left -= taken }
}
