import Store
import TestSupport
import Testing

@testable import Engine

/// How long jobs take, and how many of them there are in a minute.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct TimesTests {
    @Test(arguments: [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (1_000, 10), (1_024, 11)])
    func `a step of the histogram ends where it doubles`(_ milliseconds: UInt64, _ step: Int) {
        var histogram = Histogram()
        histogram.count(milliseconds)
        #expect(histogram.steps.count == step + 1)
        #expect(histogram.steps[step] == 1)
        #expect((histogram.count, histogram.sum) == (1, milliseconds))
    }

    @Test func `the longest times share the last step`() {
        var histogram = Histogram()
        histogram.count(.max)
        #expect(histogram.steps.count == Histogram.stepsMax)
    }

    @Test func `waiting, running and both together are counted by type`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 2, type: "letter")
        try harness.submit(type: "parcel")
        harness.now += 100
        let delivery = try harness.deliver()
        harness.now += 1_000
        try harness.settle(delivery)
        let times = try harness.engine.times(of: harness.index("mail"))
        #expect(times.map(\.type) == ["letter", "parcel"])
        #expect([times[0].wait.sum, times[0].run.sum, times[0].total.sum] == [200, 2_000, 2_200])
        #expect([times[1].wait.sum, times[1].run.sum, times[1].total.sum] == [100, 1_000, 1_100])
        #expect(times.map(\.total.count) == [2, 1])
    }

    @Test func `the wait of a delayed job begins when it is due`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        var options = JobOptions()
        options.delay = 60_000
        try harness.submit(options: options)
        try harness.advance(60_000)
        try harness.settle(try harness.deliver())
        let times = try harness.engine.times(of: harness.index("mail"))
        #expect(times.first?.wait.steps == [1])
    }

    @Test func `times are written at most once a second, and outlive a restart`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        try harness.submit(count: 3)
        let delivery = try harness.deliver()
        try harness.settle(1, delivery.token)
        try harness.settle(2, delivery.token)
        let written = try harness.dump().filter { $0.hasPrefix("times") }
        #expect(written.count == 1)
        #expect(harness.nextTurnAt == harness.now + 1_000)
        try harness.advance(1_000)
        #expect(try harness.dump().filter { $0.hasPrefix("times") } != written)
        let times = try harness.engine.times(of: harness.index("mail"))
        try harness.crash()
        #expect(try harness.engine.times(of: harness.index("mail")) == times)
    }

    @Test func `rates are those of the last minute`() throws {
        let harness = try EngineHarness()
        harness.now = 1_700_000_000_000
        try harness.submit(count: 4)
        try harness.advance(30_000)
        try harness.submit(count: 2)
        #expect(try harness.statistics().lastMinute.submitted == 6)
        try harness.advance(30_000)
        #expect(try harness.statistics().lastMinute.submitted == 2)
        try harness.advance(600_000)
        #expect(try harness.statistics().lastMinute == MinuteRates())
    }
}
