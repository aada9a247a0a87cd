import Foundation
import Testing

@testable import Engine

/// Random lives of many jobs. A failure names its seed; `MARTLET_SEED=n` runs that one alone.
@Suite(.timeLimit(.minutes(5)))
struct SimulationTests {
    private static let seeds: [UInt64] = {
        let named = ProcessInfo.processInfo.environment["MARTLET_SEED"].flatMap { UInt64($0) }
        return named.map { [$0] } ?? Array(1...23) + [.random(in: 1_000...UInt64(UInt32.max))]
    }()

    @Test(arguments: seeds)
    func `engine and model agree whatever happens`(_ seed: UInt64) throws {
        try Simulation(seed: seed).run(turns: 300)
    }

    @Test(arguments: seeds.prefix(6))
    func `the same seed gives the same rows, in whatever order dictionaries are walked`(
        _ seed: UInt64
    ) throws {
        let once = try Simulation(seed: seed, compares: false)
        let again = try Simulation(seed: seed, compares: false) { engine in
            engine.touchedLeases.reserveCapacity(3_000)
            engine.extensions.reserveCapacity(500)
            engine.retained.reserveCapacity(700)
            engine.ending.reserveCapacity(100)
            engine.unheld.reserveCapacity(60)
            engine.producers.reserveCapacity(2_000)
            engine.sessions.reserveCapacity(900)
        }
        try once.run(turns: 250)
        try again.run(turns: 250)
        let rows = try once.harness.dump()
        #expect(rows.count > 50)
        #expect(try again.harness.dump() == rows)
    }
}
