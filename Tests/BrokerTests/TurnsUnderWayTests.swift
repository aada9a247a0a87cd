import Testing

@testable import Broker

struct TurnsUnderWayTests {
    private func turn(_ now: UInt64) -> AppliedTurn {
        AppliedTurn(now: now, replies: [], times: TurnTimes(), isLone: false)
    }

    @Test func `a turn waits for those before it`() {
        var turns = TurnsUnderWay()
        let tickets = (1...3).map { turns.begin(turn($0), at: 10 * $0) }
        turns.end(tickets[2], 0, at: 50)
        turns.end(tickets[1], 0, at: 60)
        #expect(turns.next() == nil)
        turns.end(tickets[0], 5, at: 70)
        var written: [[UInt64]] = []
        while let (turn, outcome) = turns.next() {
            written.append([turn.now, UInt64(outcome), turn.times.commit])
        }
        #expect(written == [[1, 5, 60], [2, 0, 40], [3, 0, 20]])
        #expect(turns.isEmpty)
    }
}
