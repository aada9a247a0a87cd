import MartletWire
import NIOCore
import Testing

@testable import MartletWorker

/// What a broken connection does to a worker, and what it does not.
struct WorkerMachineResumeTests {
    @Test func `a resumed session keeps its handlers, and tells the server at once`() {
        var worker = TestWorker.connected(slots: ["q": 4])
        worker.deliver(1, 2)
        _ = worker.flush()
        worker.disconnect()
        #expect(worker.flush() == [])
        worker.connect(resumed: true)
        let actions = worker.flush()
        #expect(actions.first == .hold([.test([1...2])]))
        #expect(actions.contains(.subscribe(.test(0, "q", credit: 2))))
        #expect(Set(actions.settlements.map(\.id.rawValue)) == [1, 2])
        #expect(actions.settlements.allSatisfy { $0.verdict == .extend(milliseconds: 30_000) })
    }

    @Test func `what ended while the connection was down is settled on the next`() {
        var worker = TestWorker.connected()
        worker.deliver(1)
        _ = worker.flush()
        worker.disconnect()
        worker.machine.finished(.test(1), .completed(nil), worker.now)
        #expect(worker.flush() == [])
        worker.connect(resumed: true)
        #expect(worker.flush().settlements == [.test(1, .complete(nil))])
    }

    @Test func `what was not answered is settled again, in its old order and before the rest`() {
        var worker = TestWorker.connected(slots: ["q": 4])
        worker.deliver(1, 2, 3, 4)
        _ = worker.flush()
        for id in [3, 1] {
            worker.machine.finished(.test(id), .completed(nil), worker.now)
            _ = worker.flush()
        }
        worker.disconnect()
        worker.machine.finished(.test(2), .completed(nil), worker.now)
        // Late news of the connection that is gone.
        worker.machine.settleFailed(1, WireError(.unavailable, "connection lost"), worker.now)
        worker.connect(resumed: true)
        let settled = worker.flush().settlements.filter { $0.verdict == .complete(nil) }
        #expect(settled.map(\.id.rawValue) == [3, 1, 2])
    }

    @Test func `a repeated settlement that comes too late was most likely heard the first time`() {
        var worker = TestWorker.connected()
        worker.deliver(1)
        _ = worker.flush()
        worker.machine.finished(.test(1), .completed(nil), worker.now)
        _ = worker.flush()
        worker.disconnect()
        worker.connect(resumed: true)
        _ = worker.flush()
        worker.answer([.leaseLost])
        #expect(worker.flush().allSatisfy { $0 != .refused(.test(1), .leaseLost) })
    }

    @Test func `jobs of the old connection take their credit until they are settled`() {
        var worker = TestWorker.connected(slots: ["q": 4])
        worker.deliver(1, 2, 3)
        _ = worker.flush()
        worker.disconnect()
        worker.now = worker.now + .seconds(5)
        worker.machine.finished(.test(1), .completed(nil), worker.now)
        worker.connect(resumed: true)
        #expect(worker.flush().contains(.subscribe(.test(0, "q", credit: 1))))
        worker.answer([nil, nil, nil])
        #expect(worker.flush().credits == [2])
        worker.machine.finished(.test(2), .completed(nil), worker.now)
        _ = worker.flush()
        worker.answer([nil])
        #expect(worker.flush().credits == [3])
        worker.machine.finished(.test(3), .completed(nil), worker.now)
        _ = worker.flush()
        worker.answer([.leaseLost])
        #expect(worker.flush().credits == [4])
    }

    @Test func `a new session has lost every lease`() {
        var worker = TestWorker.connected(slots: ["q": 2], patience: .hours(1))
        worker.deliver(1, 2, 3)
        _ = worker.flush()
        worker.machine.finished(.test(1), .completed(nil), worker.now)
        _ = worker.flush()
        worker.disconnect()
        worker.connect(resumed: false)
        let actions = worker.flush()
        #expect(actions.contains(.outcomesLost(1)))
        #expect(Set(actions.cancelled) == [2, 3])
        #expect(actions.contains(.subscribe(.test(0, "q", credit: 4))))
        #expect(actions.settlements == [])
        // The handlers' slots are free again when they have returned; nothing is said of their jobs.
        for id in [2, 3] { worker.machine.finished(.test(id), .failed(reason: ""), worker.now) }
        #expect(worker.flush().settlements == [])
        worker.deliver(4)
        #expect(worker.flush().started == [4])
    }

    @Test func `no handler starts while the connection is down`() {
        var worker = TestWorker.connected(slots: ["q": 1])
        worker.deliver(1, 2)
        _ = worker.flush()
        worker.disconnect()
        worker.machine.finished(.test(1), .completed(nil), worker.now)
        #expect(worker.flush() == [])
        worker.connect(resumed: true)
        #expect(worker.flush().started == [2])
    }

    @Test
    func `without a connection a lease counts as lost when it has ended and the grace is over`() {
        var worker = TestWorker.connected()
        worker.deliver(1)
        _ = worker.flush()
        worker.advance(.seconds(10))
        _ = worker.flush()
        worker.answer([nil])
        worker.advance(.seconds(5))
        worker.disconnect()
        worker.advance(.milliseconds(24_999))
        #expect(worker.flush() == [])
        worker.advance(.milliseconds(1))
        #expect(worker.flush() == [.cancel(.test(1), .leaseLost)])
    }

    @Test func `a tick while the connection is down asks for a later one`() {
        var worker = TestWorker.connected(slots: ["q": 1])
        worker.deliver(1, 2)
        _ = worker.flush()
        worker.disconnect()
        for _ in 0..<5 {
            let deadline = worker.machine.nextDeadline
            guard deadline != .distantFuture else { return }
            worker.now = max(worker.now, deadline)
            worker.machine.tick(worker.now)
            #expect(worker.machine.nextDeadline > worker.now)
        }
    }
}
