/// Takes jobs and settles them in every way. One kind resumes its session after a crash and sends
/// again what had no answer; the other comes back as somebody new, and tries the tokens of its
/// former life, which must do nothing.
///
/// `@unchecked Sendable`: used by one thread at a time, that of the round.
final class KillWorker: @unchecked Sendable {
    private let ledger: JobLedger
    private let queue: String
    private let resumes: Bool
    private var random: SeededRandom
    private var session: RawConnection.Session?
    /// What it holds, and what it has said about it: `nil` until it has.
    private var held: [UInt64: (token: UInt64, said: RawConnection.Outcome?)] = [:]
    private var requests: [UInt64: [Settlement]] = [:]

    private struct Settlement {
        let outcome: RawConnection.Outcome
        let id: UInt64
        let token: UInt64
        let isStale: Bool
    }

    init(_ index: UInt64, resumes: Bool, queue: String, ledger: JobLedger, seed: UInt64) {
        self.ledger = ledger
        self.queue = queue
        self.resumes = resumes
        random = SeededRandom(seed: seed &+ 1000 &+ index)
    }

    /// Works until the connection breaks.
    func run(port: UInt16) {
        do {
            try work(on: try RawConnection(port: port), onlyCompletes: false)
        } catch {
            // The broker was killed.
        }
    }

    /// Completes what it gets until `isDone`, which is asked whenever nothing has come for a
    /// second.
    func finish(port: UInt16, until isDone: () throws -> Bool) throws {
        while try !isDone() {
            do {
                try work(on: try RawConnection(port: port, patience: 1), onlyCompletes: true)
            } catch let closed as RawConnection.Closed where closed.isTimeout {
                // Nothing is left to do, or a lease has to end first.
            }
        }
    }

    private func work(on connection: RawConnection, onlyCompletes: Bool) throws {
        try begin(on: connection)
        while true {
            let frame = try connection.readFrame()
            switch frame.opcode {
            case 0xa0:
                let deliveries = try RawConnection.deliveries(in: frame)
                for delivery in deliveries {
                    ledger.delivered(delivery)
                    held[delivery.id] = (delivery.token, nil)
                }
                try settle(deliveries, on: connection, onlyCompletes: onlyCompletes)
            case 0xb0: try settled(frame)
            case 0xff: throw try RawConnection.error(in: frame)
            default: break
            }
        }
    }

    private func begin(on connection: RawConnection) throws {
        requests = [:]
        let former = resumes ? session : nil
        let now = try connection.hello(resuming: former)
        session = now
        let mine = held
        if former != nil, now.isResumed {
            // Says again what had no answer, and now about the rest.
            let items = mine.map { id, lease in
                Settlement(
                    outcome: lease.said ?? .complete, id: id, token: lease.token, isStale: false)
            }
            try send(items, on: connection)
        } else {
            held = [:]
            let items = mine.map { id, lease in
                Settlement(outcome: .complete, id: id, token: lease.token, isStale: true)
            }
            try send(items, on: connection)
        }
        try connection.subscribe(to: queue, credit: 64, lease: 2000)
    }

    private func settle(
        _ deliveries: [RawConnection.Delivery], on connection: RawConnection, onlyCompletes: Bool
    ) throws {
        var items: [Settlement] = []
        for delivery in deliveries {
            let dice = onlyCompletes ? 99 : Int.random(in: 0..<100, using: &random)
            let outcome: RawConnection.Outcome? =
                switch dice {
                case ..<5: nil
                case ..<15: .fail
                case ..<25: .release
                default: .complete
                }
            guard let outcome else { continue }
            held[delivery.id]?.said = outcome
            items.append(
                Settlement(outcome: outcome, id: delivery.id, token: delivery.token, isStale: false)
            )
            if dice.isMultiple(of: 7) {
                // The same once more in the same message, and one with a token of another delivery.
                items.append(
                    Settlement(
                        outcome: outcome, id: delivery.id, token: delivery.token, isStale: true))
                items.append(
                    Settlement(
                        outcome: .complete, id: delivery.id, token: delivery.token &- 1,
                        isStale: true))
            }
        }
        try send(items, on: connection)
    }

    private func send(_ items: [Settlement], on connection: RawConnection) throws {
        guard !items.isEmpty else { return }
        let id = connection.nextRequestID()
        requests[id] = items
        let body = RawConnection.settle(items.map { ($0.outcome, id: $0.id, token: $0.token) })
        try connection.sendFrame(0x30, id, body)
    }

    private func settled(_ frame: RawConnection.Frame) throws {
        guard let items = requests.removeValue(forKey: frame.requestID) else { return }
        for (item, code) in zip(items, try RawConnection.codes(in: frame.body)) {
            if item.isStale {
                ledger.staleSettlement(id: item.id, code: code)
                continue
            }
            if held[item.id]?.token == item.token { held[item.id] = nil }
            if code == 0, item.outcome == .complete { ledger.completed(id: item.id) }
        }
    }
}
