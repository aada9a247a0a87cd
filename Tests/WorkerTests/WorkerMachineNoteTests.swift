import MartletWire
import NIOCore
import Testing

@testable import MartletWorker

/// What handlers say of their jobs while they run, and what they hear.
struct WorkerMachineNoteTests {
    @Test func `an outcome waits until the server has the lines before it`() {
        var worker = TestWorker.connected()
        worker.deliver(1)
        _ = worker.flush()
        worker.machine.noted(.test(1), .log(["a"]))
        #expect(worker.flush().notes == [.log(["a"])])
        worker.machine.noted(.test(1), .log(["b", "c"]))
        let checkpoint = Checkpoint(number: 1, bytes: ByteBuffer(string: "here"))
        worker.machine.noted(.test(1), .checkpoint(checkpoint))
        worker.machine.finished(.test(1), .completed(nil), worker.now)
        #expect(worker.flush().settlements == [])
        worker.machine.noteAnswered(.test(1), leaseLost: false)
        #expect(worker.flush() == [.note(.test(1), .log(["b", "c"]))])
        worker.machine.noteAnswered(.test(1), leaseLost: false)
        #expect(worker.flush() == [.note(.test(1), .checkpoint(checkpoint))])
        worker.machine.noteAnswered(.test(1), leaseLost: false)
        #expect(worker.flush().settlements == [.test(1, .complete(nil))])
        #expect(worker.machine.heldCount == 0)
    }

    @Test func `an outcome that waits for its lines keeps its lease and frees its slot`() {
        var worker = TestWorker.connected()
        worker.deliver(1, 2)
        _ = worker.flush()
        worker.machine.noted(.test(1), .log(["a"]))
        worker.machine.finished(.test(1), .completed(nil), worker.now)
        #expect(worker.flush().started == [2])
        worker.advance(.seconds(10))
        #expect(worker.flush().settlements.map(\.id.rawValue).sorted() == [1, 2])
    }

    @Test func `an outcome whose lease is lost meanwhile is dropped, and told`() {
        var worker = TestWorker.connected()
        worker.deliver(1)
        _ = worker.flush()
        worker.machine.noted(.test(1), .log(["a"]))
        worker.machine.finished(.test(1), .completed(nil), worker.now)
        _ = worker.flush()
        worker.machine.noteAnswered(.test(1), leaseLost: true)
        #expect(worker.flush() == [.outcomesLost(1)])
        #expect(worker.machine.heldCount == 0)
    }

    @Test func `lines and checkpoints that a broken connection left unanswered are said again`() {
        var worker = TestWorker.connected()
        worker.deliver(1)
        _ = worker.flush()
        worker.machine.noted(.test(1), .log(["a"]))
        _ = worker.flush()
        worker.machine.noted(.test(1), .log(["b"]))
        worker.disconnect()
        worker.connect(resumed: true)
        #expect(worker.flush().notes == [.log(["a", "b"])])
    }

    @Test func `what a lost session was not told is forgotten`() {
        var worker = TestWorker.connected()
        worker.deliver(1)
        _ = worker.flush()
        worker.machine.noted(.test(1), .log(["a"]))
        worker.disconnect()
        worker.connect(resumed: false)
        #expect(worker.flush().notes == [])
    }

    @Test func `a flood of lines keeps its end and says what is missing`() {
        var table = NoteTable()
        table.add(.test(1), .log((1...1_010).map { "line \($0)" }))
        var lines: [String] = []
        while case .log(let batch)? = table.take().first?.1 {
            #expect(batch.count <= Limits.logLinesMax)
            lines += batch
            table.answered(.test(1))
        }
        #expect(lines.first == "… 10 lines were dropped here …")
        #expect(lines.dropFirst().first == "line 11")
        #expect(lines.last == "line 1010")
        #expect(lines.count == 1_001)
    }

    @Test func `of long lines as many travel together as the protocol allows`() {
        var table = NoteTable()
        let line = String(repeating: "x", count: Limits.logLineBytesMax)
        table.add(.test(1), .log(Array(repeating: line, count: 20)))
        guard case .log(let lines)? = table.take().first?.1 else {
            Issue.record("no lines")
            return
        }
        #expect(lines.count == 16 || lines.count == 15)
        #expect(lines.reduce(0) { $0 + $1.utf8.count } <= Limits.logBytesMax)
    }

    // MARK: Cancel

    @Test func `a cancelled job's handler hears the reason, and what it throws gives the job back`()
    {
        var worker = TestWorker.connected()
        worker.deliver(1)
        _ = worker.flush()
        worker.cancel(1, "no longer needed")
        #expect(worker.flush() == [.cancel(.test(1), .cancelled("no longer needed"))])
        worker.machine.finished(.test(1), .cancelled, worker.now)
        #expect(worker.flush().settlements == [.test(1, .release)])
    }

    @Test func `a cancelled job that is done all the same is completed`() {
        var worker = TestWorker.connected()
        worker.deliver(1)
        _ = worker.flush()
        worker.cancel(1, "")
        worker.machine.finished(.test(1), .completed(nil), worker.now)
        #expect(worker.flush().settlements == [.test(1, .complete(nil))])
    }

    @Test func `a cancelled job that waits for a slot is given back at once`() {
        var worker = TestWorker.connected()
        worker.deliver(1, 2)
        _ = worker.flush()
        worker.cancel(2, "")
        #expect(worker.flush().settlements == [.test(2, .release)])
        worker.machine.finished(.test(1), .completed(nil), worker.now)
        #expect(worker.flush().started == [])
    }

    @Test func `a cancel of a job that is not here changes nothing`() {
        var worker = TestWorker.connected()
        worker.cancel(9, "")
        #expect(worker.flush() == [])
    }

    // MARK: A job's own timeout

    @Test(arguments: [
        (worker: nil, job: 3_000, expected: 3.0), (TimeAmount.seconds(5), 3_000, 3.0),
        (.seconds(2), 3_000, 2.0),
    ])
    func `the shorter of the job's and the worker's timeout counts`(
        timeout: TimeAmount?, job: UInt32, expected: Double
    ) {
        var worker = TestWorker.connected(timeout: timeout)
        worker.deliver([1], options: DeliveryOptions(timeoutMilliseconds: job))
        _ = worker.flush()
        worker.advance(.milliseconds(Int64(expected * 1_000) - 1))
        #expect(worker.flush().cancelled == [])
        worker.advance(.milliseconds(1))
        #expect(worker.flush() == [.cancel(.test(1), .timeout)])
        worker.machine.finished(.test(1), .cancelled, worker.now)
        #expect(
            worker.flush().settlements
                == [.test(1, .fail("timed out after \(expected) s", "Timeout"))])
    }
}

extension TestWorker {
    mutating func cancel(_ id: Int, _ reason: String) {
        machine.cancelled([
            Cancellation(
                id: JobID(rawValue: UInt64(id)), token: Self.token, graceMilliseconds: 10_000,
                reason: reason)
        ])
    }
}
