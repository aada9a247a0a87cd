import Store
import TestSupport
import Testing

@testable import Engine

/// Long payloads that are stored ahead of their jobs.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
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
                        harness.arena.copy(bytes), at: start, of: first + UInt64(index),
                        .payload, rows)
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
        #expect(try harness.rowCount(Tables.pieces) == 2)
        #expect(try harness.inspect(kept[0])?.payload?.bytes == pattern(9_000))
        #expect(try harness.submit() == [5])
    }

    // MARK: Edits

    /// Stores a payload of its own for a job that is there already; returns the id that its pieces have.
    private func stage(payload: [UInt8], _ harness: EngineHarness) throws -> UInt64 {
        let id = try harness.turn { rows in try harness.engine.beginStaging(1, rows) }
        try harness.turn { rows in
            try harness.engine.stage(
                harness.arena.copy(payload), at: 0, of: id, .payload, rows)
        }
        return id
    }

    private func edit(
        _ id: UInt64, _ payload: [UInt8], staged: UInt64, _ harness: EngineHarness
    ) throws -> JobActionOutcome {
        try harness.turn { rows in
            var edit = JobEdit()
            edit.payload = harness.stored(payload)
            edit.stagedPayload = staged
            let outcome = try harness.engine.edit(id, edit, rows)
            try harness.engine.endStaging(staged, rows)
            return outcome
        }
    }

    @Test func `a staged payload takes the place of a job's own, again and again`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        let id = try harness.submit(payload: pattern(9_000))[0]
        for seed: UInt64 in 1...2 {
            let payload = pattern(7_000, seed: seed)
            let staged = try stage(payload: payload, harness)
            #expect(try harness.inspect(id)?.payload?.bytes != payload)
            #expect(try edit(id, payload, staged: staged, harness) == .done(.ready))
            #expect(try harness.inspect(id)?.payload?.bytes == payload)
            // Two, and whose they are.
            #expect(try harness.rowCount(Tables.pieces) == 3)
        }
        try harness.crash()
        #expect(try harness.resume(1))
        let delivery = try harness.deliver()
        #expect(delivery.jobs.map(\.payload) == [pattern(7_000, seed: 2)])
        try harness.settle(delivery)
        #expect(try harness.rowCount(Tables.pieces) == 0)
        #expect(try harness.rowCount(Tables.staging) == 0)
    }

    @Test func `a job whose payload was staged is purged with it, or edited to a short one`() throws
    {
        let harness = try EngineHarness()
        let ids = try harness.submit(count: 2)
        for id in ids {
            let payload = pattern(5_000, seed: id)
            _ = try edit(id, payload, staged: stage(payload: payload, harness), harness)
        }
        #expect(try harness.rowCount(Tables.pieces) == 4)
        try harness.act(.purge, on: ids[0])
        #expect(try harness.rowCount(Tables.pieces) == 2)
        try harness.edit(ids[1]) { $0.payload = harness.stored([4]) }
        #expect(try harness.rowCount(Tables.pieces) == 0)
        #expect(try harness.inspect(ids[1])?.payload?.bytes == [4])
    }

    @Test func `a payload that was staged for a job survives a repair`() throws {
        let harness = try EngineHarness()
        let id = try harness.submit()[0]
        let payload = pattern(5_000)
        _ = try edit(id, payload, staged: stage(payload: payload, harness), harness)
        #expect(try harness.repair().orphans == 0)
        #expect(try harness.inspect(id)?.payload?.bytes == payload)
    }

    // MARK: Results

    /// Stores a result in two turns; returns the id that its pieces have.
    private func stage(result: [UInt8], _ harness: EngineHarness) throws -> UInt64 {
        let half = result.count / 2 / EngineLimits.pieceBytes * EngineLimits.pieceBytes
        let id = try harness.turn { rows in try harness.engine.beginStaging(1, rows) }
        for part in [0..<half, half..<result.count] {
            try harness.turn { rows in
                try harness.engine.stage(
                    harness.arena.copy(Array(result[part])), at: part.lowerBound, of: id, .result,
                    rows)
            }
        }
        return id
    }

    /// Completes with a result that was staged, or discards it when the lease is lost.
    private func complete(
        _ id: UInt64, _ token: UInt64, _ result: [UInt8], staged: UInt64, _ harness: EngineHarness
    ) throws -> Bool {
        try harness.turn { rows in
            let stored = harness.stored(result)
            let credit = try harness.engine.settle(
                id, token: token, session: 1, .complete(result: stored, staged: staged), rows)
            if credit == nil { try harness.engine.discardStaged(stored, staged, .result, rows) }
            try harness.engine.endStaging(staged, rows)
            return credit != nil
        }
    }

    @Test func `a staged result is the job's, survives a crash and vanishes with it`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        let job = try harness.submit()[0]
        let token = try harness.deliver().token
        let result = pattern(50_000, seed: 5)
        let staged = try stage(result: result, harness)
        #expect(try complete(job, token, result, staged: staged, harness))
        try harness.crash()
        #expect(try harness.inspect(job)?.result?.bytes == result)
        harness.now += JobOptions.defaultRetainCompleted + 2 * EngineLimits.retentionGrain
        try harness.turn { _ in }
        #expect(try harness.inspect(job) == nil)
        #expect(try harness.rowCount(Tables.pieces) == 0)
    }

    @Test func `a staged result whose lease is lost changes nothing and leaves nothing`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        let job = try harness.submit()[0]
        let late = try harness.deliver().token
        let result = pattern(50_000, seed: 5)
        let staged = try stage(result: result, harness)
        try harness.settle(job, late, .release)
        let token = try harness.deliver().token
        let other = pattern(9_000, seed: 6)
        try harness.settle(job, token, .complete(other))
        #expect(try !complete(job, late, result, staged: staged, harness))
        #expect(try harness.inspect(job)?.result?.bytes == other)
        #expect(try harness.rowCount(Tables.pieces) == 2)
        #expect(try harness.rowCount(Tables.staging) == 0)
    }

    @Test func `a result that a crash left half staged is removed, and the job goes on`() throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        let job = try harness.submit()[0]
        let token = try harness.deliver().token
        _ = try stage(result: pattern(50_000), harness)
        try harness.crash()
        #expect(try harness.resume(1))
        #expect(try harness.rowCount(Tables.pieces) == 0)
        #expect(try harness.settle(job, token, .complete([1])) != nil)
    }
}
