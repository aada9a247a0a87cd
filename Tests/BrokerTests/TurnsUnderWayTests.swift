import Testing

@testable import Broker

struct TurnsUnderWayTests {
    private func turn(_ now: UInt64) -> AppliedTurn {
        AppliedTurn(now: now, replies: [], times: TurnTimes())
    }

    @Test func `a turn waits for those before it`() {
        var turns = TurnsUnderWay()
        let tickets = (1...3).map { turns.begin(turn($0), at: 10 * $0) }
        turns.end(tickets[2], at: 50)
        turns.end(tickets[1], at: 60)
        #expect(turns.next() == nil)
        turns.end(tickets[0], at: 70)
        var written: [[UInt64]] = []
        while let turn = turns.next() { written.append([turn.now, turn.times.commit]) }
        #expect(written == [[1, 60], [2, 40], [3, 20]])
        #expect(turns.isEmpty)
    }
}
