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
