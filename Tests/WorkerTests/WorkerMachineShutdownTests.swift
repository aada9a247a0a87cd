import MartletWire
import NIOCore
import Testing

@testable import MartletWorker

struct WorkerMachineShutdownTests {
    @Test func `a worker that holds nothing leaves at once`() {
        var worker = TestWorker.connected()
        worker.machine.shutdown(worker.now)
        #expect(worker.flush() == [.drain, .leave])
        #expect(worker.machine.hasEnded == true)
    }

    @Test func `a worker that never had a connection leaves at once`() {
        var worker = TestWorker()
        worker.machine.shutdown(worker.now)
        #expect(worker.flush() == [.leave])
    }

    @Test func `what waits is given back at once, what runs may finish`() {
        var worker = TestWorker.connected(slots: ["q": 1])
        worker.deliver(1, 2, 3)
        _ = worker.flush()
        worker.machine.shutdown(worker.now)
        let actions = worker.flush()
        #expect(actions.first == .drain)
        #expect(actions.settlements == [.test(2, .release), .test(3, .release)])
        worker.answer([nil, nil])
        #expect(worker.flush() == [])
        worker.machine.finished(.test(1), .completed(nil), worker.now)
        #expect(worker.flush().settlements == [.test(1, .complete(nil))])
        worker.answer([nil])
        #expect(worker.flush() == [.leave])
    }

    @Test func `what still comes is given back`() {
        var worker = TestWorker.connected(slots: ["q": 2])
        worker.deliver(1)
        _ = worker.flush()
        worker.machine.shutdown(worker.now)
        _ = worker.flush()
        worker.deliver(2)
        let actions = worker.flush()
        #expect(actions.started == [])
        #expect(actions.settlements == [.test(2, .release)])
    }

    @Test(arguments: [HandlerResult.cancelled, .failed(reason: "cancelled")])
    func `a handler that takes too long is cancelled and its job given back unspent`(
        result: HandlerResult
    ) {
        var worker = TestWorker.connected()
        worker.deliver(1)
        _ = worker.flush()
        worker.machine.shutdown(worker.now)
        _ = worker.flush()
        worker.advance(.seconds(30))
        let actions = worker.flush()
        #expect(actions.cancelled == [1])
        #expect(actions.contains(.cancel(.test(1), .shutdown)))
        worker.machine.finished(.test(1), result, worker.now)
        #expect(worker.flush().settlements == [.test(1, .release)])
    }

    @Test func `a handler that ignores its cancellation does not hold up the farewell`() {
        var worker = TestWorker.connected()
        worker.deliver(1)
        _ = worker.flush()
        worker.machine.shutdown(worker.now)
        worker.advance(.seconds(30))
        _ = worker.flush()
        worker.advance(.milliseconds(4_999))
        #expect(!worker.flush().contains(.leave))
        worker.advance(.milliseconds(1))
        #expect(worker.flush().contains(.leave))
        worker.machine.finished(.test(1), .cancelled, worker.now)
        #expect(worker.flush() == [])
    }

    @Test func `leases are extended while handlers finish`() {
        var worker = TestWorker.connected()
        worker.deliver(1)
        _ = worker.flush()
        worker.machine.shutdown(worker.now)
        _ = worker.flush()
        worker.advance(.seconds(10))
        #expect(worker.flush().settlements == [.test(1, .extend(milliseconds: 30_000))])
    }

    @Test func `a worker whose connection broke meanwhile comes back to settle, not to subscribe`()
    {
        var worker = TestWorker.connected(slots: ["q": 1])
        worker.deliver(1, 2)
        _ = worker.flush()
        worker.machine.shutdown(worker.now)
        #expect(worker.flush().contains(.drain))
        worker.disconnect()
        worker.machine.finished(.test(1), .completed(nil), worker.now)
        #expect(worker.flush() == [])
        worker.connect(resumed: true)
        #expect(
            worker.flush() == [
                .hold([.test([1...2])]),
                .settle(2, Settle(items: [.test(2, .release), .test(1, .complete(nil))])),
            ])
        worker.answer([nil, nil])
        #expect(worker.flush() == [.leave])
    }

    @Test func `without a connection the worker leaves when its time is over`() {
        var worker = TestWorker.connected()
        worker.deliver(1)
        _ = worker.flush()
        worker.disconnect()
        worker.machine.finished(.test(1), .completed(nil), worker.now)
        worker.machine.shutdown(worker.now)
        #expect(worker.flush() == [])
        worker.advance(.seconds(30))
        worker.advance(.seconds(5))
        #expect(worker.flush().contains(.leave))
    }

    @Test func `a second shutdown changes nothing`() {
        var worker = TestWorker.connected()
        worker.deliver(1)
        _ = worker.flush()
        worker.machine.shutdown(worker.now)
        _ = worker.flush()
        worker.advance(.seconds(20))
        _ = worker.flush()
        worker.machine.shutdown(worker.now)
        worker.advance(.seconds(10))
        #expect(worker.flush().cancelled == [1])
    }
}
