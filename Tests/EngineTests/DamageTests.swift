import Store
import TestSupport
import Testing

@testable import Engine

/// Rows that no longer match their check value: set aside, reported, and no harm to the others.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct DamageTests {
    private let mark = Array("this one's bits will flip".utf8)

    /// Five jobs, the third of which is damaged at rest.
    private func harness(
        payloadBytes: Int = 25, payloadsInTables: Int = .max, options: JobOptions = JobOptions()
    ) throws -> EngineHarness {
        let harness = try EngineHarness(payloadsInTables: payloadsInTables)
        try harness.openSession(1)
        try harness.turn { rows in
            for id in 1...5 {
                let payload = pattern(payloadBytes - mark.count, seed: UInt64(id))
                let bytes = id == 3 ? payload + mark : payload
                _ = try harness.submit("mail", payload: bytes, options: options, rows)
            }
        }
        return harness
    }

    private func isSetAside(_ harness: EngineHarness, _ id: UInt64) throws -> Bool {
        try harness.rowCount(Tables.damaged) == 1 && harness.verify().damaged == [id]
    }

    @Test(arguments: [30, 1_800, 1_817, 3_984, 5_000], [0, Int.max])
    func `a damaged job is never delivered, and its neighbours are`(
        _ bytes: Int, _ payloadsInTables: Int
    ) throws {
        let harness = try harness(payloadBytes: bytes, payloadsInTables: payloadsInTables)
        try harness.restart(damaging: [mark])
        #expect(try harness.resume(1))
        #expect(try harness.deliver(max: 2).ids == [1, 2])
        #expect(try harness.deliver().ids == [4, 5])
        #expect(harness.damage.count == 1)
        #expect(harness.damage.first?.contains("job 3") == true)
        #expect(try isSetAside(harness, 3))
        #expect(try harness.statistics().ready == 0)
        #expect(try harness.deliver().ids == [])
    }

    @Test func `a damaged job within one delivery is left out of it`() throws {
        let harness = try harness()
        try harness.restart(damaging: [mark])
        #expect(try harness.resume(1))
        let delivery = try harness.deliver()
        #expect(delivery.ids == [1, 2, 4, 5])
        try harness.settle(delivery)
        #expect(try harness.statistics().totals.completed == 4)
    }

    @Test func `whoever asks for a damaged job is told`() throws {
        let harness = try harness()
        try harness.restart(damaging: [mark])
        func isDamaged() throws -> Bool {
            do {
                _ = try harness.inspect(3)
                return false
            } catch let error as StoreError {
                guard case .damaged = error.code else { throw error }
                return true
            }
        }
        #expect(try isDamaged())
        #expect(try harness.resume(1))
        _ = try harness.deliver()
        #expect(try isDamaged())
        #expect(try harness.state(2) == .running)
    }

    @Test func `a running job that is damaged loses its lease and nothing else`() throws {
        let harness = try harness()
        let delivery = try harness.deliver()
        try harness.restart(damaging: [mark])
        #expect(try harness.resume(1))
        #expect(try harness.settle(3, delivery.token) == nil)
        #expect(try harness.settle(2, delivery.token) != nil)
        #expect(try isSetAside(harness, 3))
        #expect(try harness.statistics().running == 3)
        try harness.advance(30_000)
        #expect(try harness.verify().ready(1) == [1, 4, 5])
    }

    @Test func `a scheduled job that is damaged is found when its turn comes`() throws {
        let harness = try harness(options: JobOptions(backoff: Backoff(base: 1_000, cap: 1_000)))
        try harness.settle(try harness.deliver(), .fail())
        try harness.restart(damaging: [mark])
        try harness.advance(1_000)
        #expect(try harness.statistics().scheduled == 0)
        #expect(try harness.statistics().ready == 5)
        #expect(try harness.resume(1))
        #expect(try harness.deliver().ids == [1, 2, 4, 5])
        #expect(try isSetAside(harness, 3))
        #expect(try harness.statistics().ready == 0)
        #expect(try harness.statistics().waitingBytes == 0)
    }

    @Test func `those who wait for a damaged job hear of it`() throws {
        let harness = try harness()
        try harness.restart(damaging: [mark])
        harness.engine.watched = [3]
        #expect(try harness.resume(1))
        _ = try harness.deliver()
        #expect(harness.engine.finishedWatched == [3])
    }

    @Test func `a list leaves damaged jobs out`() throws {
        let harness = try harness()
        try harness.restart(damaging: [mark])
        try harness.checkpoint()
        #expect(try harness.list().ids == [5, 4, 2, 1])
        #expect(try harness.list(oldestFirst: true).ids == [1, 2, 4, 5])
    }

    // MARK: Other records

    @Test func `what a damaged lease held is given back`() throws {
        let harness = try EngineHarness()
        let session: UInt64 = 0x1122_3344_5566_7788
        try harness.openSession(session)
        try harness.openSession(2)
        try harness.submit(count: 12)
        let kept = try harness.deliver(to: 2, max: 2)
        let lost = try harness.deliver(to: session, max: 6)
        let later = try harness.deliver(to: 2, max: 2)
        try harness.settle(lost.ids[1], lost.token, by: session)
        let bytes = littleEndianBytes(of: session)
        harness.verifies = false
        try harness.restart(damaging: [bytes])
        #expect(try harness.resume(session))
        #expect(try harness.resume(2))
        #expect(try harness.settle(lost.ids[0], lost.token, by: session) == nil)
        harness.verifies = true
        #expect(try harness.verify().ready(1) == [3, 5, 6, 7, 8, 11, 12])
        #expect(try harness.inspect(3)?.crashes == 1)
        #expect(try harness.statistics().running == 4)
        for id in kept.ids { #expect(try harness.settle(id, kept.token, by: 2) != nil) }
        for id in later.ids { #expect(try harness.settle(id, later.token, by: 2) != nil) }
        #expect(harness.damage.count == 1)
        try harness.advance(60_000)
    }
}

private func littleEndianBytes(of number: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
}
