#if DEBUG
    import TestSupport
    import Testing

    @testable import Engine

    /// The simulation is worth as much as what it finds: planted bugs, one by one.
    @Suite(.fewAtATime, .timeLimit(.minutes(10)))
    struct MutantTests {
        private static let seedsMax: UInt64 = 1_000

        @Test(arguments: Mutant.allCases)
        func `a planted bug is found`(_ mutant: Mutant) throws {
            let found = try (1...MutantTests.seedsMax).first { seed in
                let script = Step.script(seed: seed, steps: 200)
                let simulation = try Simulation(preparing: { $0.mutant = mutant })
                return simulation.run(script) != nil
            }
            #expect(found != nil, "\(mutant) lives through \(MutantTests.seedsMax) seeds")
        }
    }
#endif
