import Testing

@testable import Bench

struct DeliveryLedgerTests {
    @Test func `acknowledged and delivered once is exact, in either order`() {
        var ledger = DeliveryLedger(jobs: 130)
        for index in 0..<130 {
            if index.isMultiple(of: 2) { ledger.deliver(index) }
            ledger.acknowledge(index)
            if !index.isMultiple(of: 2) { ledger.deliver(index) }
        }
        #expect(ledger.verdict == DeliveryVerdict(acknowledged: 130))
        #expect(ledger.verdict.isExact)
    }

    @Test func `what was acknowledged and did not come is lost`() {
        var ledger = DeliveryLedger(jobs: 3)
        for index in 0..<3 { ledger.acknowledge(index) }
        ledger.deliver(1)
        #expect(ledger.verdict.lost == 2)
    }

    @Test func `each delivery beyond the first is counted`() {
        var ledger = DeliveryLedger(jobs: 3)
        ledger.acknowledge(2)
        for _ in 0..<4 { ledger.deliver(2) }
        #expect(ledger.verdict == DeliveryVerdict(acknowledged: 1, duplicated: 3))
    }

    @Test(arguments: [-1, 3, Int.max]) func `a job that was never submitted is damage`(index: Int) {
        var ledger = DeliveryLedger(jobs: 3)
        ledger.deliver(index)
        #expect(ledger.verdict == DeliveryVerdict(damaged: 1))
    }
}
