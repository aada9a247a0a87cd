import NIOCore
import Testing

@testable import MartletClient

/// Waiters are numbers here: a machine needs no tasks, no loop and no clock.
@Suite struct ConnectionMachineTests {
    private typealias Machine = ConnectionMachine<Int>
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
    private let lost = MartletError(.connectionLost, "lost")

    @Test func `the answer to HELLO opens the connection`() {
        var machine = Machine(now: start)
        let hello = machine.makeRequestID()
        guard case .send = machine.request(1, id: hello, kind: .hello, deadline: .distantFuture)
        else {
            Issue.record("HELLO was refused")
            return
        }
        #expect(machine.isOpen == false)
        guard case .greeted(1) = machine.welcome(id: hello, idle: .seconds(60)) else {
            Issue.record("WELCOME found no waiter")
            return
        }
        #expect(machine.isOpen == true)
    }

    @Test func `a later WELCOME changes limits and answers nobody`() {
        var machine = opened()
        _ = machine.request(2, id: 1, kind: .ordinary, deadline: .distantFuture)
        guard case .limitsChanged = machine.welcome(id: 1, idle: .seconds(60)) else {
            Issue.record("WELCOME was taken for a reply")
            return
        }
        #expect(machine.requestsUnderWay == 1)
    }

    @Test func `each reply goes to its waiter, once`() {
        var machine = opened()
        for waiter in 10..<20 {
            _ = machine.request(
                waiter, id: UInt64(waiter), kind: .ordinary, deadline: .distantFuture)
        }
        for waiter in (10..<20).shuffled() {
            guard case .deliver(waiter) = machine.reply(id: UInt64(waiter)) else {
                Issue.record("reply \(waiter) found another waiter")
                return
            }
            guard case .drop = machine.reply(id: UInt64(waiter)) else {
                Issue.record("reply \(waiter) was delivered twice")
                return
            }
        }
    }

    @Test func `a cancelled request gives its waiter back once`() {
        var machine = opened()
        _ = machine.request(2, id: 5, kind: .ordinary, deadline: .distantFuture)
        #expect(machine.cancel(5) == 2)
        #expect(machine.cancel(5) == nil)
        guard case .drop = machine.reply(id: 5) else {
            Issue.record("the late reply was delivered")
            return
        }
    }

    @Test func `an error that closes gives back all waiters`() {
        var machine = opened()
        for id in [5, 6, 7] as [UInt64] {
            _ = machine.request(Int(id), id: id, kind: .ordinary, deadline: .distantFuture)
        }
        guard case .close(let waiters, _) = machine.error(id: 6, lost, closes: true) else {
            Issue.record("the connection went on")
            return
        }
        #expect(waiters.sorted() == [5, 6, 7])
        #expect(machine.closeReason?.code == .connectionLost)
    }

    @Test func `an error of one request leaves the others waiting`() {
        var machine = opened()
        for id in [5, 6] as [UInt64] {
            _ = machine.request(Int(id), id: id, kind: .ordinary, deadline: .distantFuture)
        }
        guard case .fail(5, _) = machine.error(id: 5, lost, closes: false) else {
            Issue.record("the error found another waiter")
            return
        }
        #expect(machine.isOpen == true)
        #expect(machine.requestsUnderWay == 1)
    }

    @Test func `the first reason to close stays`() {
        var machine = opened()
        _ = machine.close(MartletError(.notAuthenticated, "first"))
        _ = machine.close(lost)
        #expect(machine.closeReason?.message == "first")
    }

    @Test func `a closed connection refuses requests with its reason`() {
        var machine = opened()
        _ = machine.close(lost)
        guard
            case .refuse(9, let error) = machine.request(
                9, id: 9, kind: .ordinary, deadline: .distantFuture)
        else {
            Issue.record("a request was sent")
            return
        }
        #expect(error.message == "lost")
        #expect(machine.nextDeadline == .distantFuture)
    }

    @Test func `after BYE nothing is sent, and answers still come`() {
        var machine = opened()
        _ = machine.request(1, id: 1, kind: .ordinary, deadline: .distantFuture)
        _ = machine.request(2, id: 2, kind: .bye, deadline: .distantFuture)
        guard
            case .refuse(3, _) = machine.request(
                3, id: 3, kind: .ordinary, deadline: .distantFuture)
        else {
            Issue.record("a request was sent after BYE")
            return
        }
        guard case .deliver(1) = machine.reply(id: 1), case .deliver(2) = machine.reply(id: 2)
        else {
            Issue.record("an answer was lost")
            return
        }
    }

    @Test func `waiters are given back at their deadlines`() {
        var machine = opened()
        for id in [1, 2, 3] as [UInt64] {
            _ = machine.request(
                Int(id), id: id, kind: .ordinary, deadline: start + .milliseconds(Int64(id)))
        }
        #expect(machine.nextDeadline == start + .milliseconds(1))
        #expect(machine.tick(start + .milliseconds(2)).expired == [1, 2])
        #expect(machine.nextDeadline == start + .milliseconds(3))
    }

    @Test func `a third of the idle time without sending asks for PING`() {
        var machine = opened()
        #expect(machine.nextDeadline == start + .seconds(20))
        guard case .ping = machine.tick(start + .seconds(20)).next else {
            Issue.record("no PING")
            return
        }
        machine.sent(start + .seconds(20))
        guard case .nothing = machine.tick(start + .seconds(39)).next else {
            Issue.record("PING although something was sent")
            return
        }
    }

    @Test func `silence for the idle time closes, and any byte puts it off`() {
        var machine = opened()
        _ = machine.request(4, id: 4, kind: .ordinary, deadline: .distantFuture)
        machine.heard(start + .seconds(30))
        machine.sent(start + .seconds(60))
        guard case .nothing = machine.tick(start + .seconds(60)).next else {
            Issue.record("closed although the server spoke")
            return
        }
        guard case .close(let waiters, let reason) = machine.tick(start + .seconds(90)).next else {
            Issue.record("a silent server is kept")
            return
        }
        #expect(waiters == [4])
        #expect(reason.isRetryable)
    }

    /// A machine whose `HELLO` was answered at `start`, with an idle time of 60 seconds.
    private func opened() -> Machine {
        var machine = Machine(now: start)
        _ = machine.request(0, id: 0, kind: .hello, deadline: .distantFuture)
        _ = machine.welcome(id: 0, idle: .seconds(60))
        return machine
    }
}
