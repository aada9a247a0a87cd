import Store
import Testing

@testable import Engine

/// Long payloads that are stored ahead of their jobs.
@Suite(.timeLimit(.minutes(1)))
struct StagingTests {
    private let payloads = [pattern(50_000, seed: 1), pattern(7), pattern(3_000, seed: 3)]

    /// Stores the long payloads, one piece-aligned part in each turn.
    private func stage(_ harness: EngineHarness) throws -> UInt64 {
        let part = 10 * EngineLimits.pieceBytes
        let first = try harness.turn { rows in try harness.engine.beginStaging(3, rows) }
        for (index, payload) in payloads.enumerated()
        where payload.count > EngineLimits.inlineBytesMax {
            for start in stride(from: 0, to: payload.count, by: part) {
                let bytes = Array(payload[start..<min(start + part, payload.count)])
                try harness.turn { rows in
                    try harness.engine.stage(
                        harness.arena.copy(bytes), at: start, of: first + UInt64(index), rows)
                }
            }
        }
        return first
    }

    private func submit(_ harness: EngineHarness, staged first: UInt64) throws {
        try harness.turn { rows in
            for (index, payload) in payloads.enumerated() {
                let submission = Submission(
                    type: harness.arena.copy("letter"), payload: harness.stored(payload),
                    options: JobOptions())
                let outcome = try harness.engine.submit(
                    staged: first + UInt64(index), submission, to: harness.index("mail"), rows)
                #expect(outcome == .accepted(first + UInt64(index)))
            }
            try harness.engine.endStaging(first, rows)
        }
    }

    @Test func `staged payloads are delivered with their jobs, at the place of their ids`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        let first = try stage(harness)
        let later = try harness.submit()
        #expect(try harness.deliver().ids == later)
        try harness.submit(count: 2)
        try submit(harness, staged: first)
        try harness.crash()
        #expect(try harness.resume(1))
        let delivery = try harness.deliver()
        #expect(delivery.ids == [1, 2, 3, 5, 6])
        #expect(Array(delivery.jobs.map(\.payload).prefix(3)) == payloads)
        try harness.settle(delivery)
        #expect(try harness.rowCount(Tables.pieces) == 0)
        #expect(try harness.rowCount(Tables.staging) == 0)
    }

    @Test func `what a crash leaves of a staging is removed at the next start`() throws {
        let harness = try EngineHarness()
        let first = try stage(harness)
        let kept = try harness.submit(payload: pattern(9_000))
        #expect(try harness.inspect(first) == nil)
        try harness.crash()
        #expect(try harness.rowCount(Tables.staging) == 0)
        #expect(try harness.rowCount(Tables.pieces) == 5)
        #expect(try harness.inspect(kept[0])?.payload?.bytes == pattern(9_000))
        #expect(try harness.submit() == [5])
    }
}
