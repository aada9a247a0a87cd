/// Turns on their way to the log, in their order. The disk may be done with a later one first: it is durable when those
/// before it are.
struct TurnsUnderWay {
    private struct Entry {
        let ticket: UInt64
        var turn: AppliedTurn
        let began: UInt64
        var isWritten = false
    }

    private var entries: [Entry] = []
    private var begun: UInt64 = 0

    var isEmpty: Bool { entries.isEmpty }

    /// - Parameter time: monotonic nanoseconds, as everywhere here.
    /// - Returns: what names the turn in `end`.
    mutating func begin(_ turn: AppliedTurn, at time: UInt64) -> UInt64 {
        begun += 1
        entries.append(Entry(ticket: begun, turn: turn, began: time))
        return begun
    }

    /// Writing it took from `begin` to `time`.
    mutating func end(_ ticket: UInt64, at time: UInt64) {
        guard let index = entries.firstIndex(where: { $0.ticket == ticket }) else {
            preconditionFailure("a turn that is not under way")
        }
        entries[index].isWritten = true
        entries[index].turn.times.commit = time - entries[index].began
    }

    /// Takes out the first turn when it is written.
    mutating func next() -> AppliedTurn? {
        guard entries.first?.isWritten == true else { return nil }
        return entries.removeFirst().turn
    }
}
