import Engine
import MartletWire
import NIOCore
import Store

// What is done to jobs by request.

extension BrokerLoop {
    /// Does something to some jobs: to all of them in this turn, or, where that changes too many rows, to
    /// the others in later ones.
    func act(_ body: ByteBuffer, _ request: Request, _ rows: borrowing Transaction) throws {
        let message = try Act(body: body)
        let limit = Int(configuration.limits.batchMax)
        guard message.ids.count <= limit else {
            throw WireError.batchTooLarge(actual: message.ids.count, limit: limit)
        }
        let acting = Acting(message)
        // What was asked for before comes first.
        if !isChangingJobs, hasRoom(rows), try goOn(acting, rows) {
            return answer(acting, request)
        }
        append(Staging(body, request, .act(acting)))
    }

    /// Acts on some more jobs, at least on one.
    /// - Returns: whether every job has its outcome.
    func goOn(_ acting: Acting, _ rows: borrowing Transaction) throws -> Bool {
        while let id = acting.next {
            acting.outcomes.append(try engine.act(acting.action, on: id.rawValue, rows))
            guard hasRoom(rows) else { break }
        }
        return acting.next == nil
    }

    /// Whether the turn has changed so little that it may change more.
    func hasRoom(_ rows: borrowing Transaction) -> Bool {
        rows.changedRows < BrokerLoop.changedRowsMax && rows.changedBytes < BrokerLoop.turnBytesMax
    }

    func answer(_ acting: Acting, _ request: Request) {
        var out = ByteBuffer()
        var writer = ActedWriter(to: &out, requestID: request.id, channel: request.peer.channel)
        for (id, outcome) in zip(acting.message.ids, acting.outcomes) {
            if case .done(let state) = outcome {
                writer.done(state.flatMap { MartletWire.JobState($0) }, to: &out)
            } else {
                writer.refuse(refusal(of: outcome, id, "\(acting.message.action)"), to: &out)
            }
        }
        writer.finish(in: &out)
        sendAtLength(out, to: request)
    }

    // MARK: Edits

    func edit(_ body: ByteBuffer, _ request: Request, _ rows: borrowing Transaction) throws {
        let message = try Edit(body: body)
        guard store.acceptsSubmissions else { throw storeFull() }
        let refusal = message.withPayload {
            $0?.refusal(bytesMax: Int(configuration.limits.payloadBytesMax))
        }
        if let refusal { throw refusal }
        guard body.readableBytes < BrokerLoop.stagedBytesMin, !isChangingJobs else {
            return try stage(body, message, request, rows)
        }
        let outcome = try message.withPayload { view in
            let payload = view.map { StoredPayload($0) }
            if let refusal = unreadable(payload) { throw refusal }
            return try edit(message, payload, staged: nil, rows)
        }
        answer(message, outcome, request)
    }

    func answer(_ message: Edit, _ outcome: JobActionOutcome, _ request: Request) {
        if case .done = outcome { return reply(Done(), to: request) }
        reply(refusal(of: outcome, message.id, "edit"), to: request)
    }

    /// - Parameter staged: the id that the payload is stored under already.
    func edit(
        _ message: Edit, _ payload: StoredPayload?, staged: UInt64?, _ rows: borrowing Transaction
    ) throws -> JobActionOutcome {
        let options = message.options.fields
        return try options.withBytes { bytes in
            var edit = JobEdit()
            edit.priority = options.priority
            switch options.due {
            case .delay(let delay): edit.runAt = engine.now + delay
            case .at(let instant), .both(_, let instant): edit.runAt = instant
            case nil: break
            }
            edit.timeToLive = options.expiresMilliseconds
            edit.timeout = options.timeoutMilliseconds.map { UInt64($0) }
            if options.tags != nil { edit.tags = bytes.tags }
            if options.headers != nil { edit.headers = bytes.headers }
            edit.payload = payload
            edit.stagedPayload = staged
            return try engine.edit(message.id.rawValue, edit, rows)
        }
    }

    /// Why nothing was done to a job.
    private func refusal(of outcome: JobActionOutcome, _ id: JobID, _ action: String) -> WireError {
        switch outcome {
        case .done, .notFound: .jobNotFound(id)
        case .damaged: .jobDamaged(id)
        case .isFinished(let state): .jobFinished(id, MartletWire.JobState(state))
        case .isInState(let state): .jobState(id, MartletWire.JobState(state), action)
        }
    }
}

/// What an `ACT` has come to so far. Owned by the writer thread.
final class Acting {
    let message: Act
    let action: EngineAction
    /// Of the first jobs.
    var outcomes: [JobActionOutcome] = []

    init(_ message: Act) {
        self.message = message
        action = EngineAction(message.action, message.options)
    }

    /// The first job without an outcome.
    var next: JobID? { outcomes.count < message.ids.count ? message.ids[outcomes.count] : nil }
}

extension Edit {
    /// Lends the payload where it lies; nil: there is none.
    func withPayload<R>(_ body: (PayloadView?) throws -> R) rethrows -> R {
        guard let payload else { return try body(nil) }
        return try payload.bytes.withReader { reader in
            try body(
                PayloadView(
                    codec: payload.codec, rawBytes: payload.rawBytes, checksum: payload.checksum,
                    bytes: reader.rest()))
        }
    }
}

extension EngineAction {
    init(_ action: MartletWire.JobAction, _ options: ActOptions) {
        self.init(Kind(action))
        if let reason = options.reason { self.reason = reason }
        if let grace = options.graceMilliseconds { self.grace = UInt64(grace) }
        keepsCounters = options.keepsCounters
        if let runAt = options.runAt { self.runAt = runAt }
        if let priority = options.priority { self.priority = priority }
    }
}

extension EngineAction.Kind {
    fileprivate init(_ action: MartletWire.JobAction) {
        switch action {
        case .cancel: self = .cancel
        case .retry: self = .retry
        case .delete: self = .delete
        case .reprioritise: self = .reprioritise
        case .purge: self = .purge
        }
    }
}

extension MartletWire.JobState {
    init(_ state: EngineState) {
        switch state {
        case .scheduled: self = .scheduled
        case .ready: self = .ready
        case .running: self = .running
        case .held: self = .held
        case .completed: self = .completed
        case .dead: self = .dead
        case .cancelled: self = .cancelled
        case .expired: self = .expired
        }
    }
}

extension WireError {
    static func jobDamaged(_ id: JobID) -> WireError {
        WireError(.jobDamaged, "the record of job \(id) does not match its check value")
    }
}
