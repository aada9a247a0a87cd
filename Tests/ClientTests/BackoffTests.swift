import Testing

@testable import MartletClient

@Suite struct BackoffTests {
    @Test func `delays stay between zero and a bound that doubles up to the cap`() {
        var backoff = Backoff(base: .milliseconds(100), cap: .seconds(1))
        for bound in [100, 200, 400, 800, 1_000, 1_000] as [Int64] {
            #expect((.zero ... .milliseconds(bound)).contains(backoff.next()))
        }
    }

    @Test func `the largest random number gives the bound`() {
        var largest = FixedGenerator(value: .max)
        var backoff = Backoff(base: .milliseconds(100), cap: .seconds(1))
        #expect(backoff.next(using: &largest) > .milliseconds(99))
        #expect(backoff.next(using: &largest) > .milliseconds(199))
    }

    @Test func `a wish of the server is not undercut`() {
        var smallest = FixedGenerator(value: 0)
        var backoff = Backoff(base: .milliseconds(100), cap: .seconds(1))
        #expect(backoff.next(atLeast: .seconds(3), using: &smallest) == .seconds(3))
    }

    @Test func `a reset begins again with the first bound`() {
        var backoff = Backoff(base: .milliseconds(100), cap: .seconds(10))
        for _ in 0..<100 { _ = backoff.next() }
        backoff.reset()
        #expect(backoff.next() <= .milliseconds(100))
    }
}

private struct FixedGenerator: RandomNumberGenerator {
    let value: UInt64
    mutating func next() -> UInt64 { value }
}
