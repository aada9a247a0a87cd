import Store
import TestSupport
import Testing

@testable import Engine

/// Exactly once: the answers that a producer may ask for again.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct ProducerTests {
    private let day: UInt64 = 86_400_000

    /// A submission as the broker carries it out. Returns the precedent found before.
    @discardableResult
    private func submit(
        _ harness: EngineHarness, producer: UInt64 = 9, _ sequence: UInt64, floor: UInt64 = 1,
        count: Int = 1
    ) throws -> Precedent {
        try harness.turn { rows in
            try submit(harness, producer: producer, sequence, floor: floor, count: count, rows)
        }
    }

    private func submit(
        _ harness: EngineHarness, producer: UInt64 = 9, _ sequence: UInt64, floor: UInt64 = 1,
        count: Int = 1,
        _ rows: borrowing Transaction
    ) throws -> Precedent {
        let precedent = try harness.engine.precedent(
            producer: producer, sequence: sequence, floor: floor, rows)
        guard case .none = precedent else { return precedent }
        let first = harness.engine.nextJobID
        for _ in 0..<count { _ = try harness.submit("mail", rows) }
        let jobs = JobRun(first: first, count: UInt32(count))
        try harness.engine.remember(producer: producer, sequence: sequence, jobs, rows)
        return precedent
    }

    private func producer(_ harness: EngineHarness, _ id: UInt64 = 9) throws -> Producer? {
        try harness.look { rows in
            try rows.get(Tables.producers, .job(id)) { try Producer(from: &$0) }
        }
    }

    @Test func `a repeated request gets its first answer and submits nothing`() throws {
        let harness = try EngineHarness()
        try submit(harness, 1, count: 3)
        try submit(harness, 2, count: 5)
        #expect(try submit(harness, 1, count: 3) == .jobs(JobRun(first: 1, count: 3)))
        #expect(try submit(harness, 2, count: 5) == .jobs(JobRun(first: 4, count: 5)))
        #expect(try harness.statistics().ready == 8)
    }

    @Test func `a request repeated within a turn is known`() throws {
        let harness = try EngineHarness()
        try harness.turn { rows in
            _ = try submit(harness, 1, count: 2, rows)
            #expect(try submit(harness, 1, count: 2, rows) == .jobs(JobRun(first: 1, count: 2)))
        }
    }

    @Test func `producers do not know each other's requests`() throws {
        let harness = try EngineHarness()
        try submit(harness, producer: 1, 1)
        #expect(try submit(harness, producer: 2, 1) == .none)
    }

    @Test func `pipelined requests are remembered as one run`() throws {
        let harness = try EngineHarness()
        for sequence in 1...100 as ClosedRange<UInt64> { try submit(harness, sequence, count: 4) }
        #expect(
            try producer(harness)?.runs
                == [AnswerRun(sequence: 1, requests: 100, jobs: 4, firstJob: 1)])
        #expect(try submit(harness, 57, count: 4) == .jobs(JobRun(first: 225, count: 4)))
    }

    @Test func `requests out of order and of different sizes are all remembered`() throws {
        let harness = try EngineHarness()
        let order: [(UInt64, Int)] = [(3, 2), (1, 2), (2, 1), (5, 7), (4, 7), (6, 7)]
        var expected: [UInt64: JobRun] = [:]
        for (sequence, count) in order {
            expected[sequence] = JobRun(first: harness.engine.nextJobID, count: UInt32(count))
            try submit(harness, sequence, count: count)
        }
        try harness.crash()
        for (sequence, jobs) in expected { #expect(try submit(harness, sequence) == .jobs(jobs)) }
    }

    @Test func `answers below the floor are forgotten`() throws {
        let harness = try EngineHarness()
        for sequence in 1...10 as ClosedRange<UInt64> {
            try submit(harness, sequence, count: Int(sequence))
        }
        try submit(harness, 11, floor: 8)
        #expect(try submit(harness, 7) == .forgotten(floor: 8))
        #expect(try submit(harness, 8, floor: 2) == .jobs(JobRun(first: 29, count: 8)))
        #expect(try producer(harness)?.runs.count == 4)
    }

    @Test func `a request too far above the floor is refused`() throws {
        let harness = try EngineHarness()
        let window = EngineLimits.producerWindowMax
        #expect(try submit(harness, window, floor: 1) == .none)
        #expect(try submit(harness, window + 1, floor: 1) == .tooFarAhead(floor: 1))
        #expect(try submit(harness, window + 1, floor: 2) == .none)
    }

    @Test func `an answer with refused items is given again as it was`() throws {
        let harness = try EngineHarness()
        try harness.turn { rows in
            for sequence in 1...3 as ClosedRange<UInt64> {
                _ = try harness.engine.precedent(producer: 9, sequence: sequence, floor: 1, rows)
                let reply = [UInt8](repeating: UInt8(sequence), count: 40)
                try harness.engine.remember(
                    producer: 9, sequence: sequence, reply: reply, rows)
            }
        }
        try submit(harness, 4)
        try harness.crash()
        #expect(try submit(harness, 2) == .reply([UInt8](repeating: 2, count: 40)))
        #expect(try submit(harness, 4) == .jobs(JobRun(first: 1, count: 1)))
        #expect(try submit(harness, 5, floor: 3) == .none)
        #expect(try producer(harness)?.mixed.keys.sorted() == [3])
    }

    @Test func `a request refused as a whole is not remembered`() throws {
        let harness = try EngineHarness()
        try harness.turn { rows in
            _ = try harness.engine.precedent(producer: 9, sequence: 1, floor: 1, rows)
        }
        #expect(try submit(harness, 1) == .none)
        #expect(try submit(harness, 1) == .jobs(JobRun(first: 1, count: 1)))
    }

    @Test func `replies with refusals that fill a producer's memory hold it back`() throws {
        let harness = try EngineHarness()
        var accepted = 0
        for sequence in 1...100 as ClosedRange<UInt64> {
            let isKnown = try harness.turn { rows in
                guard
                    case .none = try harness.engine.precedent(
                        producer: 9, sequence: sequence, floor: 1, rows)
                else { return false }
                try harness.engine.remember(
                    producer: 9, sequence: sequence,
                    reply: [UInt8](repeating: 1, count: 100_000), rows)
                return true
            }
            if isKnown { accepted += 1 }
        }
        #expect((2...20).contains(accepted))
        #expect(try submit(harness, 101) == .tooFarAhead(floor: 1))
        #expect(try submit(harness, 1) == .reply([UInt8](repeating: 1, count: 100_000)))
        #expect(try submit(harness, 101, floor: 101) == .none)
    }

    @Test func `answers are remembered for a day after the last request`() throws {
        let harness = try EngineHarness()
        try submit(harness, 1)
        try harness.advance(day - 1)
        #expect(try submit(harness, 1) == .jobs(JobRun(first: 1, count: 1)))
        try harness.crash()
        try harness.advance(day - 1)
        #expect(try submit(harness, 1) == .jobs(JobRun(first: 1, count: 1)))
        try harness.advance(day)
        #expect(try harness.rowCount(Tables.producers) == 0)
        #expect(try harness.rowCount(Tables.timers) == 0)
    }

    @Test func `a producer that was never answered leaves nothing behind`() throws {
        let harness = try EngineHarness()
        for _ in 0..<3 {
            try harness.turn { rows in
                _ = try harness.engine.precedent(producer: 9, sequence: 1, floor: 1, rows)
            }
            try harness.restart()
        }
        for _ in 0..<3 { try harness.advance(day) }
        #expect(try harness.rowCount(Tables.producers) == 0)
        #expect(try harness.rowCount(Tables.timers) == 0)
    }

    @Test func `more producers than memory mirrors are all remembered`() throws {
        let harness = try EngineHarness()
        harness.verifies = false
        let count = UInt64(EngineLimits.producersInMemoryMax + 500)
        for first in stride(from: 1, through: count, by: 1_000) {
            try harness.turn { rows in
                for id in first..<min(first + 1_000, count + 1) {
                    _ = try submit(harness, producer: id, 1, rows)
                }
            }
        }
        #expect(harness.engine.producers.count <= EngineLimits.producersInMemoryMax)
        for id in stride(from: 1, through: count, by: 997) {
            #expect(try submit(harness, producer: id, 1) == .jobs(JobRun(first: id, count: 1)))
        }
        try harness.verify()
    }
}
