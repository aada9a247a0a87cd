import Engine
import MartletWire
import NIOCore

// Workers are told which of their jobs to stop.

extension BrokerLoop {
    /// Jobs named in one push: with the longest reasons it is a short message still.
    private static let cancellationsPerPush = 100

    /// Pushes what this turn's requests want stopped. A worker that is away is told when it comes back.
    func pushCancels() {
        guard !engine.cancels.isEmpty else { return }
        let bySession = Dictionary(grouping: engine.cancels, by: \.session)
        for session in bySession.keys.sorted() {
            guard let peer = peersBySession[session], let notices = bySession[session] else {
                continue
            }
            let items = notices.map {
                Cancellation(
                    id: JobID(rawValue: $0.id), token: $0.token,
                    graceMilliseconds: UInt32(clamping: $0.grace), reason: $0.reason)
            }
            for start in stride(from: 0, to: items.count, by: BrokerLoop.cancellationsPerPush) {
                let some = items.dropFirst(start).prefix(BrokerLoop.cancellationsPerPush)
                push(Cancellations(items: Array(some)), to: peer)
            }
        }
    }

    func push(_ message: some Message, to peer: Peer) {
        peer.connection.outbox.write(message, requestID: peer.nextPush, channel: peer.channel)
        note(peer.connection)
    }
}
