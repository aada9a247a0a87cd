import Engine
import MartletWire
import NIOCore

/// A long request that is stored or carried out over several turns. Owned by the writer thread.
final class Staging {
    enum Purpose {
        case submit(producer: UInt64, sequence: UInt64)
        /// Of the session that sent it, whatever becomes of its connection.
        case settle(session: UInt64)
        case edit(Edit)
        /// Nothing is stored ahead of it.
        case act(Acting)
    }

    /// The body of the message.
    let body: ByteBuffer
    let purpose: Purpose
    /// Of each item, why it is refused.
    let refusals: [WireError?]
    /// The first of the ids that were set aside, if any were.
    let firstID: UInt64
    /// Items of which every piece is stored.
    var itemsDone = 0
    /// Bytes of the next item that are stored.
    var bytesDone = 0
    /// The same submission sent again while this is under way, by a client whose connection broke: the frame of
    /// the broken one may come last.
    var repeats: [Request] = []
    private let request: Request
    /// Held here, since the client may leave before everything is stored.
    private let connection: Connection

    init(
        _ body: ByteBuffer, _ request: Request, _ purpose: Purpose, refusals: [WireError?] = [],
        firstID: UInt64 = 0
    ) {
        self.body = body
        self.request = request
        self.purpose = purpose
        self.refusals = refusals
        self.firstID = firstID
        connection = request.peer.connection
    }

    /// Where the answer goes: nowhere when the client has left, since its channel may be another's by now.
    var answer: Request { Request(peer: request.peer, id: request.peer.isOpen ? request.id : 0) }

    func isSubmission(_ producer: UInt64, _ sequence: UInt64) -> Bool {
        guard case .submit(producer, sequence) = purpose else { return false }
        return producer != 0
    }

    func isSettlement(of session: UInt64) -> Bool {
        guard case .settle(session) = purpose else { return false }
        return true
    }

    /// Whether it changes jobs that are named: such requests are carried out in the order in which they came.
    var changesJobs: Bool {
        switch purpose {
        case .submit, .settle: false
        case .edit, .act: true
        }
    }

    /// Bytes of a submission's answer, at most, if that has to be remembered item by item; else 0.
    var replyBytes: Int {
        let refused = refusals.lazy.compactMap { $0 }
        guard !refused.isEmpty, refused.count < refusals.count else { return 0 }
        let sentences = refused.reduce(0) { $0 + $1.message.utf8.count }
        return Limits.submittedHeadBytes(items: refusals.count) + sentences
    }

    /// The bytes are worked off only when they are stored: a client can't have more under way than it may.
    func hold() {
        connection.bytesDone -= body.readableBytes
        if request.id != 0 { connection.requestsDone -= 1 }
    }

    /// - Returns: the connection that may send more now.
    func release() -> Connection {
        connection.bytesDone += body.readableBytes
        if request.id != 0 { connection.requestsDone += 1 }
        return connection
    }
}
