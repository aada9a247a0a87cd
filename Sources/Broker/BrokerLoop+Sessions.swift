import Engine
import MartletWire
import NIOCore
import Store

extension BrokerLoop {
    func hello(
        _ hello: Hello, _ header: FrameHeader, _ request: Request, _ rows: borrowing Transaction
    ) throws {
        let peer = request.peer
        guard !peer.isOpen else { throw WireError.helloRepeated() }
        // What comes on other channels was let in by a gateway, which has shown its own token.
        guard peer.channel != 0 || configuration.tokens.accept(hello.token.utf8) else {
            throw ClosingError.notAuthenticated(requestID: header.requestID)
        }
        if hello.isLink, peer.channel == 0 { peer.connection.isLink = true }
        let isResumed = try resume(hello, peer, rows)
        if !isResumed {
            peer.session = random.next(upperBound: UInt64.max - 1) + 1
            let secret: UInt64 = random.next(upperBound: .max - 1) + 1
            engine.openSession(peer.session, secret: secret)
            welcome(request, secret: secret, isResumed: false)
        } else {
            welcome(request, secret: hello.secret, isResumed: true)
        }
        peersBySession[peer.session] = peer
        workers[peer.session] = hello.worker
        if peer.channel == 0 { peer.connection.isWelcomed = true }
    }

    /// Goes on with a session, taking it from the connection that had it.
    private func resume(_ hello: Hello, _ peer: Peer, _ rows: borrowing Transaction) throws -> Bool
    {
        guard hello.session != 0,
            try engine.resumeSession(hello.session, secret: hello.secret, rows)
        else { return false }
        if let old = peersBySession.removeValue(forKey: hello.session) {
            endSubscriptions(of: old)
            old.session = 0
            try close(old, .sessionTaken(), rows)
        }
        peer.session = hello.session
        return true
    }

    private func welcome(_ request: Request, secret: UInt64, isResumed: Bool) {
        reply(
            Welcome(
                session: request.peer.session, secret: secret, isResumed: isResumed,
                serverTime: engine.now, limits: configuration.limits,
                server: configuration.serverName),
            to: request)
    }

    func bye(_ bye: Bye, _ request: Request, _ rows: borrowing Transaction) throws {
        let peer = request.peer
        reply(Done(), to: request)
        let session = peer.session
        try stageSettlements(of: session, rows)
        leave(peer)
        try engine.endSession(session, rows)
        if peer.channel == 0 {
            peer.connection.closes = true
        } else {
            forget(peer)
        }
    }

    /// The connection is gone; the session has its grace.
    func disconnect(_ peer: Peer, _ rows: borrowing Transaction) throws {
        let session = peer.session
        leave(peer)
        guard session != 0 else { return }
        try engine.disconnectSession(session, rows)
    }

    /// Ends what belongs to the connection: subscriptions, watches and waits.
    private func leave(_ peer: Peer) {
        endSubscriptions(of: peer)
        endWatches(of: peer)
        if peer.waits > 0 {
            waits.remove(
                where: { $0.peer === peer }, removed: { _, _ in },
                unwatched: { engine.watched.remove($0) })
            actionWaits.remove(
                where: { $0.peer === peer }, removed: { _, _ in }, unwatched: { _ in })
        }
        if peersBySession[peer.session] === peer {
            peersBySession[peer.session] = nil
            workers[peer.session] = nil
        }
        peer.session = 0
    }

    func endSubscriptions(of peer: Peer) {
        for subscription in peer.subscriptions.values { dispatcher.remove(subscription) }
        peer.subscriptions.removeAll()
    }
}

extension Hello {
    /// Where the client runs, and as which process, `HOST/PROCESS`; nil when it says neither.
    fileprivate var worker: String? {
        let parts = [host, processID.map { String($0) }].compactMap { $0 }
        return parts.isEmpty ? nil : parts.joined(separator: "/")
    }
}
