import Engine
import MartletWire
import NIOCore
import Store

/// A long submission that is stored over several turns.
final class Staging {
    /// The body of its `SUBMIT`.
    let body: ByteBuffer
    /// Where the answer goes; a client that sends the request again takes it over.
    var request: Request {
        didSet { connection = request.peer.connection }
    }
    /// Held here, since the client may leave before everything is stored.
    private(set) var connection: Connection
    let producer: UInt64
    let sequence: UInt64
    let queue: QueueIndex
    /// Of each item, why it is refused.
    let refusals: [WireError?]
    let firstJob: UInt64
    /// Bytes of its answer, at most, if that has to be remembered item by item; else 0.
    let replyBytes: Int
    /// Items of which every piece is stored.
    var itemsDone = 0
    /// Bytes of the next item that are stored.
    var bytesDone = 0

    init(
        _ body: ByteBuffer, _ request: Request, _ submit: SubmitView, to queue: QueueIndex,
        refusals: [WireError?], firstJob: UInt64
    ) {
        self.body = body
        self.request = request
        connection = request.peer.connection
        producer = submit.producer
        sequence = submit.sequence
        self.queue = queue
        self.refusals = refusals
        self.firstJob = firstJob
        let refused = refusals.lazy.compactMap { $0 }
        let isMixed = !refused.isEmpty && refused.count < refusals.count
        let sentences = refused.reduce(0) { $0 + $1.message.utf8.count }
        replyBytes = isMixed ? Limits.submittedHeadBytes(items: refusals.count) + sentences : 0
    }
}

extension BrokerLoop {
    /// Bodies at least this long are staged.
    static let stagedBytesMin = 1 << 20
    /// Bytes that one turn stages: what a small job waits longer for behind a large one.
    static let stagingBytesMax = 512 << 10

    /// Begins to stage a long submission, unless that is under way already.
    func stage(
        _ body: ByteBuffer, _ submit: SubmitView, to queue: QueueIndex, _ request: Request,
        _ rows: borrowing Transaction
    ) throws {
        if submit.producer != 0,
            let known = stagings.first(where: {
                $0.producer == submit.producer && $0.sequence == submit.sequence
            })
        {
            known.connection.bytesDone += body.readableBytes
            note(known.connection)
            known.request = request
            known.connection.bytesDone -= body.readableBytes
            return
        }
        let refusals = try refusals(of: submit)
        let first = try engine.beginStaging(refusals.count { $0 == nil }, rows)
        stagings.append(
            Staging(body, request, submit, to: queue, refusals: refusals, firstJob: first))
        // Its bytes are worked off only when it is stored: a client can't have more under way than it may.
        request.peer.connection.bytesDone -= body.readableBytes
    }

    /// What the producer's other long submissions under way will have to be remembered with.
    func replyBytesUnderWay(besides submit: SubmitView) -> Int {
        let others = stagings.lazy.filter {
            $0.producer == submit.producer && $0.sequence != submit.sequence
        }
        return others.reduce(0) { $0 + $1.replyBytes }
    }

    private func refusals(of submit: SubmitView) throws -> [WireError?] {
        var items = submit
        var refusals: [WireError?] = []
        let payloadBytesMax = Int(configuration.limits.payloadBytesMax)
        while let item = try items.nextItem() {
            refusals.append(item.refusal(payloadBytesMax: payloadBytesMax))
        }
        guard submit.isAtomic, refusals.contains(where: { $0 != nil }) else { return refusals }
        return refusals.map { $0 ?? .batchRefused() }
    }

    /// Stores some more of the submission that is being staged; submits it when all is stored.
    func stageSome(_ rows: borrowing Transaction) throws {
        guard let staging = stagings.first else { return }
        try staging.body.withReader { reader in
            let submit = try SubmitView(from: &reader, batchMax: Int(configuration.limits.batchMax))
            guard try stageSome(staging, submit, rows) else { return }
            stagings.removeFirst()
            staging.connection.bytesDone += staging.body.readableBytes
            note(staging.connection)
            try finish(staging, submit, rows)
        }
    }

    /// - Returns: whether everything is stored now.
    private func stageSome(
        _ staging: Staging, _ submit: SubmitView, _ rows: borrowing Transaction
    ) throws -> Bool {
        var budget = BrokerLoop.stagingBytesMax
        var items = submit
        var index = 0
        var id = staging.firstJob
        while budget > 0, let item = try items.nextItem() {
            defer { index += 1 }
            guard staging.refusals[index] == nil else { continue }
            defer { id += 1 }
            let bytes = item.payload.bytes
            guard index >= staging.itemsDone, bytes.count > EngineLimits.inlineBytesMax else {
                continue
            }
            // Only the last part of a payload may end in the middle of a piece.
            let wholePieces = (budget / EngineLimits.pieceBytes + 1) * EngineLimits.pieceBytes
            let end = min(staging.bytesDone + wholePieces, bytes.count)
            let part = UnsafeRawBufferPointer(rebasing: bytes[staging.bytesDone..<end])
            try engine.stage(part, at: staging.bytesDone, of: id, rows)
            budget -= part.count
            staging.bytesDone = end < bytes.count ? end : 0
            staging.itemsDone = end < bytes.count ? index : index + 1
        }
        return budget > 0 || staging.itemsDone == submit.count
    }

    private func finish(
        _ staging: Staging, _ submit: SubmitView, _ rows: borrowing Transaction
    ) throws {
        let answer = SubmitAnswer(submit, staging.queue, staging.request)
        try write(answer, ids: .staged(first: staging.firstJob), staging.refusals, rows)
        try engine.endStaging(staging.firstJob, rows)
    }
}
