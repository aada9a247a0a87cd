import Testing

@testable import MartletClient

@Suite struct BackoffTests {
    @Test func `delays stay between zero and a bound that doubles up to the cap`() {
        var backoff = Backoff(base: .milliseconds(100), cap: .seconds(1))
        for bound in [100, 200, 400, 800, 1_000, 1_000] as [Int64] {
            #expect((.zero ... .milliseconds(bound)).contains(backoff.next()))
        }
    }

    @Test func `delays are spread over the whole range`() {
        let delays = (0..<1_000).map { _ in
            var backoff = Backoff(base: .milliseconds(100), cap: .seconds(1))
            return backoff.next()
        }
        #expect(delays.contains { $0 < .milliseconds(10) })
        #expect(delays.contains { $0 > .milliseconds(90) })
    }

    @Test func `a wish of the server is not undercut`() {
        var backoff = Backoff(base: .milliseconds(100), cap: .seconds(1))
        let delay = backoff.next(atLeast: .seconds(3))
        #expect((.seconds(3) ... .milliseconds(3_100)).contains(delay))
    }

    @Test func `a reset begins again with the first bound`() {
        var backoff = Backoff(base: .milliseconds(100), cap: .seconds(10))
        for _ in 0..<100 { _ = backoff.next() }
        backoff.reset()
        #expect(backoff.next() <= .milliseconds(100))
    }
}
