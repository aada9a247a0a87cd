import MartletClient
import MartletWire
import NIOCore
import TestSupport

extension ScriptedServer {
    /// The next connection, with its first subscription answered.
    func acceptSubscriber(
        resumed: Bool = false, payloadBytesMax: UInt32 = UInt32(Limits.payloadBytesMax)
    ) async throws -> ServerConnection {
        var limits = ServerLimits()
        limits.payloadBytesMax = payloadBytesMax
        let peer = try await acceptAndWelcome(limits, resumed: resumed)
        let (_, id) = try await peer.find(Subscribe.self)
        peer.send(Done(), id: id)
        return peer
    }
}

extension ServerConnection {
    /// The next settlement, accepted; with an error, refused.
    func settle(_ error: WireError? = nil) async throws -> [Settlement] {
        let (settle, id) = try await find(Settle.self)
        send(Settled(runs: [.init(count: UInt16(settle.items.count), error: error)]), id: id)
        return settle.items
    }

    func deliver(
        _ ids: some Sequence<Int>, type: String = "echo", payload: Payload = .plain("payload")
    ) {
        let deliveries = ids.map { id in
            Delivery(
                fields: DeliveryFields(
                    id: JobID(rawValue: UInt64(id)), failures: 1, crashes: 2, interruptions: 3,
                    maxAttempts: 20, createdAt: 0),
                payload: payload)
        }
        send(
            Jobs(
                subscription: 0, token: TestWorker.token, leaseMilliseconds: 30_000, types: [type],
                deliveries: deliveries),
            id: 1)
    }
}

extension Payload {
    static func plain(_ text: String) -> Payload { .plain(ByteBuffer(string: text)) }
}
