/// Turns on their way to the log, in their order. The disk may be done with a later one first: it is durable when those
/// before it are.
struct TurnsUnderWay {
    /// Names one of them.
    struct Ticket: Equatable {
        fileprivate let number: UInt64
    }

    private struct Entry {
        let ticket: Ticket
        var turn: AppliedTurn
        let began: UInt64
        var isWritten = false
    }

    private var entries: [Entry] = []
    private var begun: UInt64 = 0

    var isEmpty: Bool { entries.isEmpty }

    /// - Parameter time: monotonic nanoseconds, as everywhere here.
    mutating func begin(_ turn: AppliedTurn, at time: UInt64) -> Ticket {
        begun += 1
        let ticket = Ticket(number: begun)
        entries.append(Entry(ticket: ticket, turn: turn, began: time))
        return ticket
    }

    /// Writing it took from `begin` to `time`.
    mutating func end(_ ticket: Ticket, at time: UInt64) {
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
