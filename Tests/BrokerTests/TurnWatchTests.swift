import Testing

@testable import Broker

struct TurnWatchTests {
    private func turn(_ apply: UInt64, checkpoint: UInt64 = 0, work: UInt64 = 0) -> TurnTimes {
        TurnTimes(apply: apply, commit: 1, checkpoint: checkpoint, work: work)
    }

    @Test func `the longest turn of an interval is told once, with the most work of any`() {
        var watch = TurnWatch()
        let start: UInt64 = 1_000_000_000_000
        #expect(watch.note(turn(5), at: start) == turn(5))
        #expect(watch.note(turn(7, work: 3), at: start + 1) == nil)
        #expect(watch.note(turn(2, checkpoint: 9, work: 1), at: start + 2) == nil)
        let end = start + TurnWatch.interval
        #expect(watch.note(turn(1), at: end) == turn(2, checkpoint: 9, work: 3))
        #expect(watch.note(turn(1), at: end + TurnWatch.interval) == turn(1))
    }

    @Test func `a turn is as long as its parts`() {
        #expect(turn(5, checkpoint: 3, work: 4).total == 9)
    }
}
