import Testing

@testable import Engine

@Suite struct BackoffTests {
    @Test(
        arguments: [
            (1, 1_000), (2, 2_000), (3, 4_000), (6, 32_000), (7, 60_000), (20, 60_000),
            (1_000, 60_000),
        ] as [(UInt16, UInt64)])
    func `the longest wait doubles with each failure up to the cap`(
        _ failures: UInt16, _ longest: UInt64
    ) {
        let backoff = Backoff(base: 1_000, cap: 60_000)
        #expect(backoff.delay(failures: failures, random: 0) == 0)
        #expect(backoff.delay(failures: failures, random: .max) == longest)
        #expect(backoff.delay(failures: failures, random: .max / 2) == longest / 2)
    }

    @Test func `a fixed wait stays the same, and none is none`() {
        let fixed = Backoff(kind: .fixed, jitter: .none, base: 700, cap: 1)
        #expect([1, 5, 900].map { fixed.delay(failures: $0, random: 3) } == [700, 700, 700])
        let none = Backoff(kind: .none, jitter: .full, base: 700, cap: 700)
        #expect(none.delay(failures: 3, random: .max) == 0)
    }

    @Test func `the factor says how the wait grows, and without jitter it is as said`() {
        let backoff = Backoff(jitter: .none, factor: 150, base: 1_000, cap: 5_000)
        let waits = [1, 2, 3, 4, 5, 6].map { backoff.delay(failures: $0, random: 99) }
        #expect(waits == [1_000, 1_500, 2_250, 3_375, 5_000, 5_000])
        let level = Backoff(jitter: .none, factor: 100, base: 1_000, cap: 5_000)
        #expect(level.delay(failures: 40, random: 0) == 1_000)
    }

    @Test func `the largest values do not overflow`() {
        let backoff = Backoff(base: .max, cap: .max)
        #expect(backoff.delay(failures: .max, random: .max) == UInt64(UInt32.max))
    }

    @Test func `jobs of one turn wait different times`() {
        let delays = (1...100).map { Backoff.standard.delay(failures: 10, random: mixed(0, $0)) }
        #expect(Set(delays).count > 95)
        #expect(delays.allSatisfy { $0 <= 512_000 })
    }
}
