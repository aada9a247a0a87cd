import Store

/// An action on every job that matches a filter, carried out by the server a few jobs at a time.
package struct BulkAction: Sendable, Equatable {
    /// The numbers are those of the protocol.
    package enum Progress: UInt8, Sendable {
        case goingOn = 1
        case done = 2
        case stopped = 3
    }

    /// Greater than that of any earlier one.
    package let id: UInt64
    package let action: JobAction
    package let filter: JobFilter
    /// Jobs a second; 0: as fast as it goes.
    package let rate: UInt32
    package var progress = Progress.goingOn
    /// Jobs that were looked at, and of those that matched, what became of them.
    package var looked: UInt64 = 0
    package var changed: UInt64 = 0
    package var refused: UInt64 = 0
    /// Milliseconds since 1970; 0: not yet.
    package let startedAt: UInt64
    package var finishedAt: UInt64 = 0
    /// The last job that was there when it began.
    let lastJob: UInt64
    /// The last job that it came to.
    var reached: UInt64 = 0
    /// When its timer fires: the next step, or the end of the hour for which it is remembered.
    var timerAt: UInt64

    init(
        _ id: UInt64, _ action: JobAction, _ filter: JobFilter, rate: UInt32, lastJob: UInt64,
        now: UInt64
    ) {
        self.id = id
        self.action = action
        self.filter = filter
        self.rate = rate
        self.lastJob = lastJob
        startedAt = now
        timerAt = now
    }

    var timer: Timer { Timer(due: timerAt, kind: .action, id) }

    /// How many jobs may be changed now. What was not used up lasts for one tenth of a second, so that
    /// a pause is not followed by a rush.
    func allowance(now: UInt64) -> Int {
        guard rate > 0 else { return .max }
        let elapsed = now > startedAt ? now - startedAt : 0
        let (due, isHuge) = elapsed.multipliedReportingOverflow(by: UInt64(rate))
        let owed = isHuge ? UInt64.max : due / 1_000 + 1
        guard owed > changed + refused else { return 0 }
        return Int(min(owed - changed - refused, max(1, UInt64(rate) / 10)))
    }

    /// When the next step of an action with a rate is worth a turn.
    func nextStep(now: UInt64) -> UInt64 {
        rate > 0 ? now + max(BulkAction.stepMilliseconds, 1_000 / UInt64(rate)) : now
    }

    static let stepMilliseconds: UInt64 = 20
}

// MARK: - Bytes

extension BulkAction {
    init(_ id: UInt64, from reader: inout RowReader) throws(StoreError) {
        self.id = id
        progress = Progress(rawValue: try reader.u8()) ?? .stopped
        rate = try reader.u32()
        looked = try reader.u64()
        changed = try reader.u64()
        refused = try reader.u64()
        startedAt = try reader.u64()
        finishedAt = try reader.u64()
        lastJob = try reader.u64()
        reached = try reader.u64()
        timerAt = try reader.u64()
        action = try JobAction(from: &reader)
        filter = try JobFilter(from: &reader)
    }

    func write(to writer: inout RowWriter) {
        writer.u8(progress.rawValue)
        writer.u32(rate)
        writer.u64(looked)
        writer.u64(changed)
        writer.u64(refused)
        writer.u64(startedAt)
        writer.u64(finishedAt)
        writer.u64(lastJob)
        writer.u64(reached)
        writer.u64(timerAt)
        action.write(to: &writer)
        filter.write(to: &writer)
    }
}
