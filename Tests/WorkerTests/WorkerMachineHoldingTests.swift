import MartletWire
import NIOCore
import Testing

@testable import MartletWorker

/// What a worker that resumes its session says of the jobs it has, and learns of them.
struct WorkerMachineHoldingTests {
    @Test func `what is held is named, whether it runs, waits, or is not settled yet`() {
        var worker = TestWorker.connected(slots: ["q": 2], patience: .hours(1))
        worker.deliver(1, 2, 4, 5)
        _ = worker.flush()
        worker.machine.finished(.test(1), .completed(nil), worker.now)
        _ = worker.flush()
        worker.disconnect()
        worker.machine.finished(.test(2), .failed(reason: "no"), worker.now)
        worker.connect(resumed: true)
        #expect(worker.flush().holdings == [.test([1...2, 4...5])])
    }

    @Test func `a worker that holds nothing says that`() {
        var worker = TestWorker.connected()
        worker.disconnect()
        worker.connect(resumed: true)
        #expect(worker.flush().holdings == [.test([])])
    }

    @Test func `a new session has nothing to say`() {
        var worker = TestWorker.connected()
        worker.deliver(1)
        _ = worker.flush()
        worker.disconnect()
        worker.connect(resumed: false)
        #expect(worker.flush().holdings == [])
    }

    @Test func `what was answered is not named`() {
        var worker = TestWorker.connected(slots: ["q": 2])
        worker.deliver(1, 2)
        _ = worker.flush()
        worker.machine.finished(.test(1), .completed(nil), worker.now)
        _ = worker.flush()
        worker.answer([nil])
        worker.disconnect()
        worker.connect(resumed: true)
        #expect(worker.flush().holdings == [.test([2...2])])
    }

    @Test func `a handler that was told that its lease is lost does not hold it`() {
        var worker = TestWorker.connected()
        worker.deliver(1)
        _ = worker.flush()
        worker.disconnect()
        worker.advance(.seconds(30))
        #expect(worker.flush().cancelled == [1])
        worker.connect(resumed: true)
        #expect(worker.flush().holdings == [.test([])])
    }

    @Test func `a draining worker names what it holds too`() {
        var worker = TestWorker.connected()
        worker.deliver(1)
        _ = worker.flush()
        worker.machine.shutdown(worker.now)
        worker.disconnect()
        worker.connect(resumed: true)
        #expect(worker.flush().holdings == [.test([1...1])])
    }

    @Test func `what the server does not hold any more stops, and only that`() {
        var worker = TestWorker.connected(slots: ["q": 3], patience: .hours(1))
        worker.deliver(1, 2, 3, 4)
        _ = worker.flush()
        worker.disconnect()
        worker.connect(resumed: true)
        let actions = worker.flush()
        #expect(actions.holdings == [.test([1...4])])
        #expect(actions.contains(.subscribe(.test(0, "q", credit: 0))))
        worker.machine.held(actions.holdings[0], [nil, .leaseLost, nil, .leaseLost])
        let after = worker.flush()
        #expect(after.contains(.cancel(.test(2), .leaseLost)))
        #expect(after.cancelled == [2])
        #expect(after.credits == [1])
        worker.machine.finished(.test(1), .completed(nil), worker.now)
        worker.machine.finished(.test(2), .completed(nil), worker.now)
        let last = worker.flush()
        #expect(last.settlements == [.test(1, .complete(nil))])
        #expect(last.started == [])
    }

    @Test func `a job whose settlement was heard before the connection broke is no news`() {
        var worker = TestWorker.connected()
        worker.deliver(1)
        _ = worker.flush()
        worker.machine.finished(.test(1), .completed(nil), worker.now)
        _ = worker.flush()
        worker.disconnect()
        worker.connect(resumed: true)
        let holding = worker.flush().holdings[0]
        worker.machine.held(holding, [.leaseLost])
        #expect(worker.flush() == [])
    }

    @Test func `thousands of jobs are named in messages of at most batch_max`() {
        var worker = TestWorker.connected(slots: ["q": 10_000])
        worker.deliver(1...2_500)
        _ = worker.flush()
        worker.disconnect()
        worker.connect(resumed: true)
        #expect(
            worker.flush().holdings == [
                .test([1...1_024], isComplete: false), .test([1_025...2_048], isComplete: false),
                .test([2_049...2_500]),
            ])
    }

    @Test func `jobs of one delivery that do not follow each other make runs of their own`() {
        let keys =
            [9, 3, 7, 2].map { JobKey.test($0) } + [JobKey(id: JobID(rawValue: 4), token: 1)]
        let runs = [
            Holding.Run(token: 1, first: JobID(rawValue: 4), jobs: 1),
            Holding.Run(token: 7, first: JobID(rawValue: 2), jobs: 2),
            Holding.Run(token: 7, first: JobID(rawValue: 7), jobs: 1),
            Holding.Run(token: 7, first: JobID(rawValue: 9), jobs: 1),
        ]
        #expect(Holding.naming(keys, batchMax: 100) == [Holding(isComplete: true, runs: runs)])
        #expect(Holding.naming(keys, batchMax: 2).map(\.jobs.count) == [2, 2, 1])
        #expect(Holding.naming(keys, batchMax: 2).map(\.isComplete) == [false, false, true])
        #expect(Holding.naming(keys, batchMax: 5).count == 1)
    }
}
