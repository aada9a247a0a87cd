import MartletWire
import NIOCore
import Testing

@testable import MartletWorker

struct WorkerMachineTests {
    // MARK: Subscribing

    @Test func `a new connection subscribes to every queue with its slots as credit`() {
        var worker = TestWorker(slots: ["a": 2, "b": 8])
        worker.connect()
        #expect(
            worker.flush() == [
                .subscribe(.test(0, "a", credit: 2)), .subscribe(.test(1, "b", credit: 8)),
            ])
    }

    @Test func `nothing is done before there is a connection`() {
        var worker = TestWorker()
        #expect(worker.flush() == [])
        #expect(worker.machine.nextDeadline == .distantFuture)
    }

    // MARK: Slots

    @Test func `no more handlers run than there are slots, and the next starts when one ends`() {
        var worker = TestWorker.connected(slots: ["q": 2])
        worker.deliver(1, 2, 3)
        #expect(worker.flush().started == [1, 2])
        worker.machine.finished(.test(2), .completed(nil), worker.now)
        #expect(worker.flush().started == [3])
        worker.machine.finished(.test(1), .completed(nil), worker.now)
        worker.machine.finished(.test(3), .completed(nil), worker.now)
        #expect(worker.flush().started == [])
    }

    @Test func `queues do not take each other's slots`() {
        var worker = TestWorker.connected(slots: ["a": 1, "b": 1])
        worker.deliver(1, 2, lane: 0)
        worker.deliver(3, lane: 1)
        #expect(worker.flush().started == [1, 3])
    }

    @Test(arguments: [(1, 16), (10, 2), (400, 1), (1_000, 1), (1_001, 0)])
    func `the quicker the handlers, the more jobs are fetched ahead`(
        milliseconds: Int64, ahead: UInt32
    ) {
        var worker = TestWorker.connected(slots: ["q": 4], prefetch: 16)
        worker.deliver(1)
        _ = worker.flush()
        worker.now = worker.now + .milliseconds(milliseconds)
        worker.machine.finished(.test(1), .completed(nil), worker.now)
        #expect(worker.flush().credits == (ahead == 0 ? [] : [4 * (1 + ahead)]))
    }

    @Test func `a handler that turns slow gets no more ahead, and small changes change nothing`() {
        var worker = TestWorker.connected(slots: ["q": 4], prefetch: 16)
        let credits: [(Int64, [UInt32])] = [(4, [24]), (6, []), (3, []), (60_000, [4]), (4, [])]
        for (id, (milliseconds, expected)) in credits.enumerated() {
            worker.deliver(id)
            _ = worker.flush()
            worker.now = worker.now + .milliseconds(milliseconds)
            worker.machine.finished(.test(id), .completed(nil), worker.now)
            #expect(worker.flush().credits == expected)
        }
    }

    @Test func `a job that waits behind slow ones is given back`() {
        var worker = TestWorker.connected(slots: ["q": 1])
        worker.deliver(1, 2)
        _ = worker.flush()
        worker.advance(.milliseconds(1_999))
        #expect(worker.flush().settlements == [])
        worker.advance(.milliseconds(1))
        #expect(worker.flush().settlements == [.test(2, .release)])
        #expect(worker.machine.heldCount == 1)
    }

    // MARK: Settling

    @Test func `handlers that end together are settled in one request`() {
        var worker = TestWorker.connected(slots: ["q": 3])
        worker.deliver(1, 2, 3)
        _ = worker.flush()
        let result = Payload.plain(ByteBuffer(string: "x"))
        worker.machine.finished(.test(1), .completed(result), worker.now)
        worker.machine.finished(.test(2), .failed(reason: "no"), worker.now)
        worker.machine.finished(.test(3), .cancelled, worker.now)
        #expect(
            worker.flush().settlements == [
                .test(1, .complete(result)), .test(2, .fail("no")),
                .test(
                    3,
                    .fail("the handler threw CancellationError, uncancelled", "CancellationError")),
            ])
    }

    @Test func `what ends while requests are under way is collected, at most a batch at a time`() {
        var worker = TestWorker.connected(slots: ["q": 2_000])
        worker.deliver(1...2_000)
        _ = worker.flush()
        for id in 1...SettlementQueue.batchesMax {
            worker.machine.finished(.test(id), .completed(nil), worker.now)
            #expect(worker.flush().settlements.count == 1)
        }
        for id in 5...2_000 { worker.machine.finished(.test(id), .completed(nil), worker.now) }
        #expect(worker.flush().settlements == [])
        worker.machine.settled(1, [nil], worker.now)
        #expect(worker.flush().settlements.count == Limits.batchMax)
        worker.machine.settled(2, [nil], worker.now)
        #expect(worker.flush().settlements.count == 1_996 - Limits.batchMax)
    }

    @Test func `large results do not share a request`() {
        var worker = TestWorker.connected(slots: ["q": 3])
        worker.deliver(1, 2, 3)
        _ = worker.flush()
        let large = Payload.plain(ByteBuffer(repeating: 0, count: SettlementQueue.batchBytes))
        for id in 1...3 { worker.machine.finished(.test(id), .completed(large), worker.now) }
        #expect(worker.flush().settles.map(\.items.count) == [1, 1, 1])
    }

    @Test func `a settlement that the server asks to repeat is repeated, after its time`() {
        var worker = TestWorker.connected()
        worker.deliver(1)
        _ = worker.flush()
        worker.machine.finished(.test(1), .completed(nil), worker.now)
        _ = worker.flush()
        let error = WireError(.unavailable, retryAfterMilliseconds: 500, "no broker now")
        worker.machine.settleFailed(1, error, worker.now)
        #expect(worker.flush().settlements == [])
        worker.advance(.milliseconds(499))
        #expect(worker.flush().settlements == [])
        worker.advance(.milliseconds(1))
        #expect(worker.flush().settlements == [.test(1, .complete(nil))])
    }

    @Test func `a result that the server can't take fails the job with the server's words`() {
        var worker = TestWorker.connected()
        worker.deliver(1)
        _ = worker.flush()
        let result = Payload.plain(ByteBuffer(string: "x"))
        worker.machine.finished(.test(1), .completed(result), worker.now)
        _ = worker.flush()
        let error = WireError(.payloadTooLarge, limit: 1, actual: 2, "payload is 2 bytes")
        worker.machine.settled(1, [error], worker.now)
        #expect(
            worker.flush().settlements == [
                .test(1, .fail("payload is 2 bytes", "PAYLOAD_TOO_LARGE"))
            ])
    }

    @Test func `a settlement that came too late is reported and forgotten`() {
        var worker = TestWorker.connected()
        worker.deliver(1)
        _ = worker.flush()
        worker.machine.finished(.test(1), .completed(nil), worker.now)
        _ = worker.flush()
        worker.machine.settled(1, [.leaseLost], worker.now)
        #expect(worker.flush() == [.refused(.test(1), .leaseLost)])
        #expect(worker.flush() == [])
    }

    @Test func `an answer of another length is no answer`() {
        var worker = TestWorker.connected(slots: ["q": 2])
        worker.deliver(1, 2)
        _ = worker.flush()
        for id in 1...2 { worker.machine.finished(.test(id), .completed(nil), worker.now) }
        _ = worker.flush()
        worker.answer([nil])
        let refused = worker.flush().filter { if case .refused = $0 { true } else { false } }
        #expect(refused.count == 2)
    }

    // MARK: Renewal

    @Test func `every held job is extended at a third of its lease, in one request`() {
        var worker = TestWorker.connected(slots: ["q": 2], patience: .hours(1))
        worker.deliver(1, 2, 3)
        _ = worker.flush()
        worker.advance(.milliseconds(9_999))
        #expect(worker.flush().settlements == [])
        worker.advance(.milliseconds(1))
        let renewals = worker.flush().settlements
        #expect(
            Set(renewals.map(\.id.rawValue)) == [1, 2, 3]
                && renewals.allSatisfy { $0.verdict == .extend(milliseconds: 30_000) })
        worker.machine.settled(1, [nil, nil, nil], worker.now)
        worker.advance(.seconds(10))
        #expect(worker.flush().settlements.count == 3)
    }

    @Test func `jobs that came a little later are extended along`() {
        var worker = TestWorker.connected(slots: ["q": 2])
        worker.deliver(1)
        _ = worker.flush()
        worker.advance(.seconds(2))
        worker.deliver(2)
        _ = worker.flush()
        worker.advance(.seconds(8))
        #expect(worker.flush().settlements.count == 2)
    }

    @Test
    func `a lease that could not be extended cancels its handler, and its outcome is dropped`() {
        var worker = TestWorker.connected(slots: ["q": 1], patience: .hours(1))
        worker.deliver(1, 2)
        _ = worker.flush()
        worker.advance(.seconds(10))
        _ = worker.flush()
        worker.machine.settled(1, [.leaseLost, .leaseLost], worker.now)
        #expect(worker.flush() == [.cancel(.test(1), .leaseLost)])
        worker.machine.finished(.test(1), .completed(nil), worker.now)
        #expect(worker.flush() == [])
        #expect(worker.machine.heldCount == 0)
    }

    @Test func `a lease found lost by a progress cancels its handler`() {
        var worker = TestWorker.connected()
        worker.deliver(1)
        _ = worker.flush()
        worker.machine.noted(.test(1), .progress(JobProgress(done: 1)))
        _ = worker.flush()
        worker.machine.noteAnswered(.test(1), leaseLost: true)
        #expect(worker.flush() == [.cancel(.test(1), .leaseLost)])
    }

    // MARK: Progress

    @Test func `of many reports the latest is sent, one at a time`() {
        var worker = TestWorker.connected()
        worker.deliver(1)
        _ = worker.flush()
        for done in 1...5 {
            worker.machine.noted(.test(1), .progress(JobProgress(done: UInt16(done))))
        }
        #expect(worker.flush().progress == [5])
        for done in 6...9 {
            worker.machine.noted(.test(1), .progress(JobProgress(done: UInt16(done))))
        }
        #expect(worker.flush().progress == [])
        worker.machine.noteAnswered(.test(1), leaseLost: false)
        #expect(worker.flush().progress == [9])
    }

    @Test func `progress of a job that is finished goes nowhere`() {
        var worker = TestWorker.connected()
        worker.deliver(1)
        _ = worker.flush()
        worker.machine.noted(.test(1), .progress(JobProgress(done: 1)))
        worker.machine.finished(.test(1), .completed(nil), worker.now)
        worker.machine.noted(.test(1), .progress(JobProgress(done: 2)))
        #expect(worker.flush().progress == [])
    }

    // MARK: Timeout

    @Test func `a handler that takes too long is cancelled and its job has failed`() {
        var worker = TestWorker.connected(timeout: .seconds(5))
        worker.deliver(1)
        _ = worker.flush()
        worker.advance(.seconds(5))
        #expect(worker.flush() == [.cancel(.test(1), .timeout)])
        worker.machine.finished(.test(1), .cancelled, worker.now)
        #expect(
            worker.flush().settlements == [.test(1, .fail("timed out after 5.0 s", "Timeout"))])
    }

    @Test func `a handler that made it in spite of its timeout has made it`() {
        var worker = TestWorker.connected(timeout: .seconds(5))
        worker.deliver(1)
        _ = worker.flush()
        worker.advance(.seconds(5))
        _ = worker.flush()
        worker.machine.finished(.test(1), .completed(nil), worker.now)
        #expect(worker.flush().settlements == [.test(1, .complete(nil))])
    }
}
