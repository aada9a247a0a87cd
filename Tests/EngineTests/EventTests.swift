import Store
import TestSupport
import Testing

@testable import Engine

/// What watchers see of the life of jobs.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct EventTests {
    private struct Seen: Equatable {
        var kind: EventKind
        var id: UInt64
        var state: JobState?
    }

    private func watch(_ harness: EngineHarness) throws -> UInt64 {
        try harness.turn { _ in harness.engine.watchEvents() }
    }

    private func seen(
        _ harness: EngineHarness, after offset: UInt64, _ filter: EventFilter = EventFilter()
    ) -> (events: [Seen], missed: UInt64, reached: UInt64) {
        var events: [Seen] = []
        let end = harness.engine.readEvents(after: offset, filter) { event in
            events.append(Seen(kind: event.kind, id: event.id, state: event.state))
            return .next
        }
        return (events, end.missed, end.reached)
    }

    @Test func `the life of a job is told event by event`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        let start = try watch(harness)
        var later = JobOptions(maxAttempts: 2, backoff: Backoff(kind: .none, base: 1, cap: 1))
        later.delay = 100
        try harness.submit(options: later)
        try harness.advance(100)
        let first = try harness.deliver()
        _ = try harness.progress(1, first.token)
        try harness.settle(1, first.token, .fail())
        try harness.advance(5)
        let second = try harness.deliver()
        try harness.settle(1, second.token, .fail())
        try harness.act(.retry, on: 1)
        let third = try harness.deliver()
        try harness.settle(1, third.token)
        try harness.act(.delete, on: 1)
        var filter = EventFilter()
        filter.withProgress = true
        let expected: [(EventKind, JobState?)] = [
            (.submitted, .scheduled), (.ready, .ready), (.delivered, .running),
            (.progress, .running), (.failed, .ready), (.delivered, .running), (.failed, .dead),
            (.dead, .dead), (.retried, .ready), (.delivered, .running), (.completed, .completed),
            (.deleted, nil),
        ]
        #expect(
            seen(harness, after: start, filter).events
                == expected.map { Seen(kind: $0.0, id: 1, state: $0.1) })
        #expect(!seen(harness, after: start).events.contains { $0.kind == .progress })
    }

    @Test func `other ends are told too`() throws {
        let harness = try EngineHarness(grace: 100)
        try harness.openSession(1)
        let start = try watch(harness)
        var options = JobOptions()
        options.timeToLive = 50
        try harness.submit(options: options)
        try harness.advance(50)
        try harness.submit()
        let delivery = try harness.deliver(lease: 1_000)
        try harness.settle(2, delivery.token, .release)
        _ = try harness.deliver(lease: 1_000)
        try harness.advance(1_000)
        try harness.edit(2) { $0.priority = 9 }
        _ = try harness.deliver(lease: 60_000)
        try harness.cancel(2, grace: 10)
        try harness.advance(10)
        let kinds = seen(harness, after: start).events.map(\.kind)
        #expect(
            kinds == [
                .submitted, .expired, .submitted, .delivered, .released, .delivered, .crashed,
                .edited, .delivered, .cancelRequested, .cancelled,
            ])
    }

    @Test func `a filter picks by job, queue, state, type and tag`() throws {
        let harness = try EngineHarness()
        let start = try watch(harness)
        try harness.submit("a", type: "x")
        try harness.submit("b", type: "y")
        try harness.edit(2) { $0.tags = harness.tags("red") }
        try harness.cancel(1)
        var filter = EventFilter()
        filter.job = 1
        #expect(seen(harness, after: start, filter).events.map(\.kind) == [.submitted, .cancelled])
        filter = EventFilter()
        filter.queue = "b"
        #expect(seen(harness, after: start, filter).events.map(\.id) == [2, 2])
        filter.queue = "none"
        #expect(seen(harness, after: start, filter).events.isEmpty)
        filter = EventFilter()
        filter.states = JobState.cancelled.bit
        #expect(seen(harness, after: start, filter).events.map(\.id) == [1])
        filter = EventFilter()
        filter.type = "y"
        #expect(seen(harness, after: start, filter).events.map(\.id) == [2, 2])
        filter = EventFilter()
        filter.tag = "red"
        #expect(seen(harness, after: start, filter).events.map(\.kind) == [.edited])
    }

    @Test func `who reads too slowly is told how much was missed`() throws {
        let harness = try EngineHarness(eventsKept: 100)
        let start = try watch(harness)
        try harness.submit(count: 1_010)
        let late = seen(harness, after: start)
        #expect(late.missed == 910)
        #expect(late.events.count == 100)
        #expect(late.events.first?.id == 911)
        #expect(late.reached == harness.engine.lastEvent)
        #expect(seen(harness, after: late.reached).events.isEmpty)
    }

    @Test func `nothing is recorded while nobody watches, and a minute is waited for it`() throws {
        let harness = try EngineHarness()
        let start = try watch(harness)
        try harness.turn { _ in harness.engine.unwatchEvents() }
        try harness.submit()
        #expect(seen(harness, after: start).events.count == 1)
        try harness.advance(60_000)
        try harness.submit()
        let again = try watch(harness)
        try harness.submit()
        let events = seen(harness, after: start)
        #expect(events.events.map(\.id) == [3])
        #expect(events.missed == 1)
        #expect(again > start)
    }

    @Test func `offsets ascend over restarts`() throws {
        let harness = try EngineHarness()
        _ = try watch(harness)
        try harness.submit(count: 100)
        let last = harness.engine.lastEvent
        try harness.restart(after: 1)
        #expect(try watch(harness) > last)
    }
}
