import Engine
import MartletWire
import NIOCore
import Store

// What is done to jobs by request.

extension BrokerLoop {
    func act(_ message: Act, _ request: Request, _ rows: borrowing Transaction) throws {
        let limit = Int(configuration.limits.batchMax)
        guard message.ids.count <= limit else {
            throw WireError.batchTooLarge(actual: message.ids.count, limit: limit)
        }
        let action = EngineAction(message.action, message.options)
        var out = ByteBuffer()
        var writer = ActedWriter(to: &out, requestID: request.id, channel: request.peer.channel)
        for id in message.ids {
            let outcome = try engine.act(action, on: id.rawValue, rows)
            if case .done(let state) = outcome {
                writer.done(state.flatMap { MartletWire.JobState($0) }, to: &out)
            } else {
                writer.refuse(refusal(of: outcome, id, "\(message.action)"), to: &out)
            }
        }
        writer.finish(in: &out)
        sendAtLength(out, to: request)
    }

    func edit(_ message: Edit, _ request: Request, _ rows: borrowing Transaction) throws {
        guard store.acceptsSubmissions else { throw storeFull() }
        let outcome: JobActionOutcome
        if let payload = message.payload {
            outcome = try payload.bytes.withReader { reader in
                let view = PayloadView(
                    codec: payload.codec, rawBytes: payload.rawBytes, checksum: payload.checksum,
                    bytes: reader.rest())
                let limit = Int(configuration.limits.payloadBytesMax)
                if let refusal = view.refusal(bytesMax: limit) { throw refusal }
                return try edit(message, StoredPayload(view), rows)
            }
        } else {
            outcome = try edit(message, nil, rows)
        }
        guard case .done = outcome else { throw refusal(of: outcome, message.id, "edit") }
        reply(Done(), to: request)
    }

    private func edit(
        _ message: Edit, _ payload: StoredPayload?, _ rows: borrowing Transaction
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
