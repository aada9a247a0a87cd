import Engine
import MartletWire
import NIOCore
import Store

// Long messages are stored some bytes in each turn, and what changes many rows is carried out some of them in each,
// so that small ones need not wait for them.

extension BrokerLoop {
    /// Bodies at least this long are staged.
    static let stagedBytesMin = 1 << 20
    /// Bytes that one turn stages: what a small job waits longer for behind a large one.
    static let stagingBytesMax = 512 << 10

    /// Begins to stage a long submission, unless that is under way already.
    func stage(
        _ body: ByteBuffer, _ submit: SubmitView, _ request: Request, _ rows: borrowing Transaction
    ) throws {
        let known = stagings.first { $0.isSubmission(submit.producer, submit.sequence) }
        if let known { return known.repeats.append(request) }
        let refusals = try refusals(of: submit)
        let first = try engine.beginStaging(refusals.count { $0 == nil }, rows)
        append(
            Staging(
                body, request,
                .submit(producer: submit.producer, sequence: submit.sequence),
                refusals: refusals, firstID: first))
    }

    /// Begins to stage a long settlement.
    func stage(
        _ body: ByteBuffer, _ settle: SettleView, _ request: Request, _ rows: borrowing Transaction
    ) throws {
        let payloadBytesMax = Int(configuration.limits.payloadBytesMax)
        var items = settle
        var refusals: [WireError?] = []
        var longResults = 0
        while let item = try items.nextItem() {
            let refusal = item.refusal(payloadBytesMax: payloadBytesMax)
            if refusal == nil, try item.longResult() != nil { longResults += 1 }
            refusals.append(refusal)
        }
        let first = try engine.beginStaging(longResults, rows)
        append(
            Staging(
                body, request, .settle(session: request.peer.session), refusals: refusals,
                firstID: first))
    }

    /// Begins to stage the payload of a long edit, and puts off a short one that must not overtake others.
    func stage(
        _ body: ByteBuffer, _ edit: Edit, _ request: Request, _ rows: borrowing Transaction
    ) throws {
        let isLong = body.readableBytes >= BrokerLoop.stagedBytesMin
        let first = isLong ? try engine.beginStaging(1, rows) : 0
        append(Staging(body, request, .edit(edit), refusals: [], firstID: first))
    }

    /// Whether requests are under way that a later one of their kind must not overtake.
    var isChangingJobs: Bool { stagings.contains { $0.changesJobs } }

    func append(_ staging: Staging) {
        staging.hold()
        stagings.append(staging)
    }

    /// What the producer's other long submissions under way will have to be remembered with.
    func replyBytesUnderWay(besides submit: SubmitView) -> Int {
        stagings.reduce(0) { bytes, staging in
            guard case .submit(submit.producer, let sequence) = staging.purpose,
                sequence != submit.sequence
            else { return bytes }
            return bytes + staging.replyBytes
        }
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

    // MARK: Some in each turn

    /// Stores some more of the message that is being staged; carries it out when all is stored. Those behind
    /// it have their turn with it if they store nothing.
    func stageSome(_ rows: borrowing Transaction) throws {
        guard let staging = stagings.first else { return }
        guard try stage(staging, bytesMax: BrokerLoop.stagingBytesMax, rows) else { return }
        stagings.removeFirst()
        try answerRepeats(of: staging, rows)
        while let next = stagings.first, next.firstID == 0, hasRoom(rows) {
            guard try stage(next, bytesMax: 0, rows) else { return }
            stagings.removeFirst()
        }
    }

    /// Whoever sent the same submission again is answered from memory, or it is begun anew if nothing of it is
    /// remembered.
    private func answerRepeats(of staging: Staging, _ rows: borrowing Transaction) throws {
        for request in staging.repeats where request.peer.isOpen {
            do {
                try submit(staging.body, request, rows)
            } catch let error as WireError {
                reply(error, to: request)
            }
        }
    }

    /// What a session that ends has settled before counts, however long it is.
    func stageSettlements(of session: UInt64, _ rows: borrowing Transaction) throws {
        for staging in stagings where staging.isSettlement(of: session) {
            _ = try stage(staging, bytesMax: .max, rows)
        }
        stagings.removeAll { $0.isSettlement(of: session) }
    }

    /// - Returns: whether it is carried out.
    private func stage(
        _ staging: Staging, bytesMax: Int, _ rows: borrowing Transaction
    ) throws -> Bool {
        let batchMax = Int(configuration.limits.batchMax)
        switch staging.purpose {
        case .submit:
            return try staging.body.withReader { reader in
                let submit = try SubmitView(from: &reader, batchMax: batchMax)
                guard try stage(staging, submit, bytesMax: bytesMax, rows) else { return false }
                note(staging.release())
                try finish(staging, submit, rows)
                try engine.endStaging(staging.firstID, rows)
                return true
            }
        case .settle(let session):
            return try staging.body.withReader { reader in
                let settle = try SettleView(from: &reader, batchMax: batchMax)
                guard try stage(staging, settle, bytesMax: bytesMax, rows) else { return false }
                note(staging.release())
                try finish(staging, settle, session, rows)
                try engine.endStaging(staging.firstID, rows)
                return true
            }
        case .edit(let edit):
            guard try stage(staging, edit, bytesMax: bytesMax, rows) else { return false }
            note(staging.release())
            try finish(staging, edit, rows)
            return true
        case .act(let acting):
            guard try goOn(acting, rows) else { return false }
            note(staging.release())
            answer(acting, staging.answer)
            return true
        }
    }

    private func stage(
        _ staging: Staging, _ submit: SubmitView, bytesMax: Int, _ rows: borrowing Transaction
    ) throws -> Bool {
        var budget = bytesMax
        var items = submit
        var index = 0
        var id = staging.firstID
        while budget > 0, let item = try items.nextItem() {
            defer { index += 1 }
            guard staging.refusals[index] == nil else { continue }
            defer { id += 1 }
            let bytes = item.payload.bytes
            guard bytes.count > EngineLimits.inlineBytesMax else { continue }
            budget -= try stage(bytes, item: index, .payload, id, staging, atMost: budget, rows)
        }
        return budget > 0 || staging.itemsDone == submit.count
    }

    private func stage(
        _ staging: Staging, _ settle: SettleView, bytesMax: Int, _ rows: borrowing Transaction
    ) throws -> Bool {
        var budget = bytesMax
        var items = settle
        var index = 0
        var id = staging.firstID
        while budget > 0, let item = try items.nextItem() {
            defer { index += 1 }
            guard staging.refusals[index] == nil, let result = try item.longResult() else {
                continue
            }
            defer { id += 1 }
            budget -= try stage(
                result.bytes, item: index, .result, id, staging, atMost: budget, rows)
        }
        return budget > 0 || staging.itemsDone == settle.count
    }

    private func stage(
        _ staging: Staging, _ edit: Edit, bytesMax: Int, _ rows: borrowing Transaction
    ) throws -> Bool {
        guard staging.firstID > 0 else { return true }
        return try edit.withPayload { payload in
            guard let bytes = payload?.bytes else { return true }
            _ = try stage(
                bytes, item: 0, .payload, staging.firstID, staging, atMost: bytesMax, rows)
            return staging.itemsDone == 1
        }
    }

    /// Stores what of an item is not stored, about `budget` bytes of it.
    /// - Returns: how many bytes that were.
    private func stage(
        _ bytes: UnsafeRawBufferPointer, item index: Int, _ part: PayloadPart, _ id: UInt64,
        _ staging: Staging, atMost budget: Int, _ rows: borrowing Transaction
    ) throws -> Int {
        guard index >= staging.itemsDone else { return 0 }
        // Only the last part of a payload may end in the middle of a piece.
        let wholePieces =
            (min(budget, bytes.count) / EngineLimits.pieceBytes + 1) * EngineLimits.pieceBytes
        let end = min(staging.bytesDone + wholePieces, bytes.count)
        let some = UnsafeRawBufferPointer(rebasing: bytes[staging.bytesDone..<end])
        try engine.stage(some, at: staging.bytesDone, of: id, part, rows)
        staging.bytesDone = end < bytes.count ? end : 0
        staging.itemsDone = end < bytes.count ? index : index + 1
        return some.count
    }

    // MARK: Submissions

    /// Submits what was staged, if its queue takes it still.
    private func finish(
        _ staging: Staging, _ submit: SubmitView, _ rows: borrowing Transaction
    ) throws {
        let queue: QueueIndex
        do {
            queue = try self.queue(toSubmitTo: submit.queue)
        } catch let error as WireError {
            try discard(staging, submit, rows)
            return reply(error, to: staging.answer)
        }
        let answer = SubmitAnswer(
            submit, JobOptions(common: submit.options), queue, staging.answer)
        let ids = SubmitIDs.staged(first: staging.firstID)
        if submit.isAtomic,
            let refusals = try refusals(
                ofAtomic: submit, to: queue, known: staging.refusals, rows)
        {
            try discard(staging, submit, rows)
            return try write(answer, ids: ids, refusals, rows)
        }
        try write(answer, ids: ids, staging.refusals, rows)
    }

    /// Removes what was staged of a submission that is refused as a whole.
    private func discard(
        _ staging: Staging, _ submit: SubmitView, _ rows: borrowing Transaction
    ) throws {
        var items = submit
        var index = 0
        var id = staging.firstID
        while let item = try items.nextItem() {
            defer { index += 1 }
            guard staging.refusals[index] == nil else { continue }
            defer { id += 1 }
            guard item.payload.bytes.count > EngineLimits.inlineBytesMax else { continue }
            try engine.discardStaged(StoredPayload(item.payload), id, .payload, rows)
        }
    }

    // MARK: Settlements

    private func finish(
        _ staging: Staging, _ settle: SettleView, _ session: UInt64, _ rows: borrowing Transaction
    ) throws {
        let peer = peersBySession[session]
        var index = 0
        var id = staging.firstID
        try answer(settle, staging.answer) { item in
            defer { index += 1 }
            if let refusal = staging.refusals[index] { return refusal }
            guard let result = try item.longResult() else {
                return try self.settle(item, session, peer, rows)
            }
            defer { id += 1 }
            let stored = StoredPayload(result)
            let verdict = Verdict.complete(result: stored, staged: id)
            let refusal = try carryOut(verdict, on: item, session, peer, rows)
            if refusal != nil { try engine.discardStaged(stored, id, .result, rows) }
            return refusal
        }
    }
}

extension BrokerLoop {
    // MARK: Edits

    /// Gives the job the payload that was staged, if there was a long one.
    private func finish(
        _ staging: Staging, _ edit: Edit, _ rows: borrowing Transaction
    ) throws {
        let staged = staging.firstID > 0 ? staging.firstID : nil
        try edit.withPayload { view in
            let payload = view.map { StoredPayload($0) }
            let refusal = unreadable(payload)
            let outcome =
                refusal == nil ? try self.edit(edit, payload, staged: staged, rows) : nil
            if let staged, let payload, outcome?.isDone != true {
                try engine.discardStaged(payload, staged, .payload, rows)
            }
            if let outcome { answer(edit, outcome, staging.answer) }
            if let refusal { reply(refusal, to: staging.answer) }
        }
        if let staged { try engine.endStaging(staged, rows) }
    }
}

extension JobActionOutcome {
    fileprivate var isDone: Bool { if case .done = self { true } else { false } }
}

extension SettlementView {
    /// The result, when it is too long for the job's row; the item has been checked.
    fileprivate func longResult() throws(WireError) -> PayloadView? {
        guard outcome == .complete, let result = try detail.result(),
            result.bytes.count > EngineLimits.inlineBytesMax
        else { return nil }
        return result
    }
}
