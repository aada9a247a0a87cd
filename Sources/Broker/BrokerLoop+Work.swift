import Engine
import MartletWire
import NIOCore
import Store

// What workers send.

extension BrokerLoop {
    // MARK: Subscriptions

    func subscribe(
        _ message: Subscribe, _ request: Request, _ rows: borrowing Transaction
    ) throws {
        let peer = request.peer
        let limit = configuration.limits.subscriptionsMax
        guard peer.subscriptions[message.subscription] == nil else {
            throw WireError(
                .subscriptionExists, actual: UInt64(message.subscription),
                "subscription \(message.subscription) exists already; unsubscribe it first or choose another number"
            )
        }
        guard peer.subscriptions.count < Int(limit) else {
            throw WireError(
                .tooManySubscriptions, limit: UInt64(limit), actual: UInt64(limit) + 1,
                "this session has \(limit) subscriptions, which is the limit (subscriptions_max)")
        }
        guard let queue = engine.queue(named: message.queue) else { throw tooManyQueues() }
        try engine.storeSession(peer.session, rows)
        let lease =
            message.leaseMilliseconds == 0
            ? configuration.limits.leaseMilliseconds : message.leaseMilliseconds
        let subscription = Subscription(
            peer, id: message.subscription, queue: queue, firstToken: engine.nextToken,
            leaseMilliseconds: lease, jobs: Int(message.creditJobs),
            bytes: Int(message.creditBytes))
        peer.subscriptions[message.subscription] = subscription
        if !isDraining { dispatcher.add(subscription) }
        reply(Done(), to: request)
    }

    func unsubscribe(_ message: Unsubscribe, _ request: Request) throws {
        let subscription = try known(message.subscription, request.peer)
        dispatcher.remove(subscription)
        request.peer.subscriptions[message.subscription] = nil
        reply(Done(), to: request)
    }

    func credit(_ message: MartletWire.Credit, _ request: Request) throws {
        let subscription = try known(message.subscription, request.peer)
        subscription.creditJobs = Int(message.creditJobs)
        subscription.creditBytes = Int(message.creditBytes)
        dispatcher.creditChanged(subscription)
        reply(Done(), to: request)
    }

    func drain(_ message: Drain, _ request: Request) throws {
        endSubscriptions(of: request.peer)
        reply(Done(), to: request)
    }

    private func known(_ id: UInt32, _ peer: Peer) throws -> Subscription {
        guard let subscription = peer.subscriptions[id] else {
            throw WireError(
                .subscriptionUnknown, actual: UInt64(id),
                "there is no subscription \(id) on this connection")
        }
        return subscription
    }

    // MARK: Settlements

    func settle(_ body: ByteBuffer, _ request: Request, _ rows: borrowing Transaction) throws {
        try body.withReader { reader in
            let view = try SettleView(from: &reader, batchMax: Int(configuration.limits.batchMax))
            guard body.readableBytes < BrokerLoop.stagedBytesMin else {
                return try stage(body, view, request, rows)
            }
            let peer = request.peer
            try answer(
                view, request, completing: { try complete($0, peer, rows) },
                { try settle($0, peer.session, peer, rows) })
        }
    }

    /// Answers with what `settle` says of each item: why it was refused; nil when it was carried out.
    /// - Parameter completing: gets jobs that are all completed, and says how many of the first are settled by that.
    func answer(
        _ settlements: SettleView, _ request: Request,
        completing: (SettleView.Completions) throws -> Int = { _ in 0 },
        _ settle: (SettlementView) throws -> WireError?
    ) throws {
        var items = settlements
        var out = ByteBuffer()
        let connection = request.peer.connection
        swap(&out, &connection.outbox)
        let mark = out.writerIndex
        var writer = SettledWriter(
            to: &out, requestID: request.id, channel: request.peer.channel)
        while !items.isAtEnd {
            let run = items.completions()
            let done = run.count > 1 ? try completing(run) : 0
            if done > 0 { writer.append(nil, count: done, to: &out) }
            items.skip(completions: done)
            // Where not even the first was, those behind it are mostly like it.
            let singles = done > 0 ? min(1, run.count - done) : max(1, run.count)
            for _ in 0..<singles {
                guard let item = try items.nextItem() else { break }
                writer.append(try settle(item), to: &out)
            }
        }
        writer.finish(in: &out)
        if request.id == 0 { out.moveWriterIndex(to: mark) }
        connection.outbox = out
        note(connection)
    }

    private func complete(
        _ run: SettleView.Completions, _ peer: Peer, _ rows: borrowing Transaction
    ) throws -> Int {
        let jobs = JobRun(first: run.first, count: UInt32(run.count))
        let credit = try engine.complete(jobs, token: run.token, session: peer.session, rows)
        guard let credit else { return 0 }
        giveBack(credit, to: peer)
        return credit.jobs
    }

    /// - Parameter peer: who has the session now; nil: nobody.
    /// - Returns: why the item was refused; nil when it was carried out.
    func settle(
        _ item: SettlementView, _ session: UInt64, _ peer: Peer?, _ rows: borrowing Transaction
    ) throws -> WireError? {
        let verdict: Verdict
        do {
            verdict = try self.verdict(of: item)
        } catch let error as WireError {
            return error
        }
        return try carryOut(verdict, on: item, session, peer, rows)
    }

    func carryOut(
        _ verdict: Verdict, on item: SettlementView, _ session: UInt64, _ peer: Peer?,
        _ rows: borrowing Transaction
    ) throws -> WireError? {
        if case .complete(let result?, _) = verdict, let refusal = unreadable(result) {
            return refusal
        }
        let credit = try engine.settle(item.id, token: item.token, session: session, verdict, rows)
        guard let credit else { return .leaseLost(JobID(rawValue: item.id)) }
        if let peer { giveBack(credit, to: peer) }
        return nil
    }

    /// What was delivered before the subscription began took none of its credit.
    private func giveBack(_ credit: DeliveryCredit, to peer: Peer) {
        guard credit.jobs > 0, let subscription = peer.subscriptions[credit.subscription],
            credit.token >= subscription.firstToken
        else { return }
        subscription.jobsOut = max(0, subscription.jobsOut - credit.jobs)
        // Nobody knows how long a job was whose record is damaged.
        subscription.bytesOut =
            subscription.jobsOut == 0 ? 0 : max(0, subscription.bytesOut - credit.bytes)
        dispatcher.creditChanged(subscription)
    }

    /// A worker that lost a lease may take another job: it will never settle the one it lost.
    func giveBackLapsedCredit() {
        for credit in engine.lapsed {
            guard let peer = peersBySession[credit.session] else { continue }
            giveBack(credit, to: peer)
        }
    }

    private func verdict(of item: SettlementView) throws -> Verdict {
        switch item.outcome {
        case .complete:
            guard let result = try item.detail.result() else { return .complete(result: nil) }
            let limit = Int(configuration.limits.payloadBytesMax)
            if let refusal = result.refusal(bytesMax: limit, allowsEmpty: true) { throw refusal }
            return .complete(result: StoredPayload(result))
        case .fail: return .fail(Failure(try item.detail.failure()))
        case .release:
            try item.detail.none()
            return .release
        case .extend: return .extend(UInt64(try item.detail.extendMilliseconds()))
        }
    }

    // MARK: Holdings

    func holding(_ body: ByteBuffer, _ request: Request, _ rows: borrowing Transaction) throws {
        let holding = try body.withReader { reader in
            let limit = Int(configuration.limits.batchMax)
            let holding = try Holding(from: &reader, batchMax: limit)
            try reader.expectEnd()
            return holding
        }
        let session = request.peer.session
        var settled = Settled(runs: [])
        for (id, token) in holding.jobs {
            let isHeld = try engine.hold(id.rawValue, token: token, session: session, rows)
            settled.append(isHeld ? nil : .notHeld)
        }
        if holding.isComplete { engine.holdsNothingElse(session: session) }
        reply(settled, to: request)
    }
}
