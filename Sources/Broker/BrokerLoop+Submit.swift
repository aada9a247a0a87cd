import Engine
import MartletWire
import NIOCore
import Store

extension BrokerLoop {
    /// The busiest path: nothing is allocated per job.
    func submit(_ body: ByteBuffer, _ request: Request, _ rows: borrowing Transaction) throws {
        guard !isDraining else {
            throw WireError.draining(retryAfterMilliseconds: configuration.drainMilliseconds)
        }
        guard store.acceptsSubmissions else { throw storeFull() }
        try body.withReader { reader in
            let view = try SubmitView(from: &reader, batchMax: Int(configuration.limits.batchMax))
            try submit(view, request, rows)
        }
    }

    private func submit(
        _ submit: SubmitView, _ request: Request, _ rows: borrowing Transaction
    ) throws {
        if submit.producer != 0, try answerFromMemory(submit, request, rows) { return }
        guard let queue = engine.queue(named: submit.queue) else {
            let limit = UInt64(configuration.queuesMax)
            throw WireError(
                .tooManyQueues, limit: limit, actual: limit + 1,
                "there are \(limit.grouped) queues already, which is this server's limit")
        }
        let isRefused = submit.isAtomic ? try refusesAny(submit) : false
        var out = takeOutbox(submit.durability, request)
        let start = out.writerIndex
        let outcome = try writeItems(of: submit, to: queue, isRefused, request, &out, rows)
        if submit.producer != 0 { remember(outcome, submit, out, from: start) }
        put(back: out, submit.durability, request)
    }

    private struct SubmitOutcome {
        var first: UInt64
        var accepted = 0
    }

    private func writeItems(
        of submit: SubmitView, to queue: QueueIndex, _ isRefused: Bool, _ request: Request,
        _ out: inout ByteBuffer, _ rows: borrowing Transaction
    ) throws -> SubmitOutcome {
        var outcome = SubmitOutcome(first: engine.nextJobID)
        var items = submit
        var writer = SubmittedWriter(
            to: &out, requestID: request.id, channel: request.peer.channel, durability: submit.durability)
        let payloadBytesMax = Int(configuration.limits.payloadBytesMax)
        while let item = try items.nextItem() {
            if let refusal = item.refusal(payloadBytesMax: payloadBytesMax) {
                writer.refuse(refusal, to: &out)
            } else if isRefused {
                writer.refuse(.batchRefused(), to: &out)
            } else {
                let job = Submission(
                    type: submit.type, payload: StoredPayload(item.payload), options: JobOptions(item.options))
                let id = try engine.submit(job, to: queue, rows)
                writer.accept(JobID(rawValue: id), to: &out)
                outcome.accepted += 1
            }
        }
        writer.finish(in: &out)
        return outcome
    }

    private func refusesAny(_ submit: SubmitView) throws -> Bool {
        var items = submit
        let payloadBytesMax = Int(configuration.limits.payloadBytesMax)
        while let item = try items.nextItem() {
            if item.refusal(payloadBytesMax: payloadBytesMax) != nil { return true }
        }
        return false
    }

    // MARK: Exactly once

    /// Gives a request that was answered before its first answer again.
    private func answerFromMemory(
        _ submit: SubmitView, _ request: Request, _ rows: borrowing Transaction
    ) throws -> Bool {
        let precedent = try engine.precedent(
            producer: submit.producer, sequence: submit.sequence, floor: submit.floor, rows)
        switch precedent {
        case .none: return false
        case .jobs(let jobs):
            let run = Submitted.Run.accepted(first: JobID(rawValue: jobs.first), count: UInt16(jobs.count))
            reply(Submitted(durability: .disk, isRepeated: true, runs: [run]), to: request)
        case .reply(let bytes):
            var answer = try Submitted(body: ByteBuffer(bytes: bytes))
            answer.isRepeated = true
            reply(answer, to: request)
        case .forgotten(let floor):
            throw WireError(
                .sequenceForgotten, limit: floor, actual: submit.sequence,
                "sequence \(submit.sequence) is below the producer's floor of \(floor): its answer is forgotten")
        case .tooFarAhead(let floor):
            throw WireError(
                .sequenceAhead, limit: floor + EngineLimits.producerWindowMax, actual: submit.sequence,
                "sequence \(submit.sequence) is \(EngineLimits.producerWindowMax.grouped) or more above the floor of \(floor)")
        }
        return true
    }

    private func remember(
        _ outcome: SubmitOutcome, _ submit: SubmitView, _ out: ByteBuffer, from start: Int
    ) {
        if outcome.accepted == submit.count {
            let jobs = JobRun(first: outcome.first, count: UInt32(outcome.accepted))
            engine.remember(producer: submit.producer, sequence: submit.sequence, jobs)
        } else if outcome.accepted > 0, out.writerIndex - start <= Limits.splitBytes {
            let body = start + FrameHeader.byteCount
            let bytes = out.getBytes(at: body, length: out.writerIndex - body) ?? []
            engine.remember(producer: submit.producer, sequence: submit.sequence, reply: bytes)
        }
    }

    private func storeFull() -> WireError {
        WireError(
            .storeFull, retryAfterMilliseconds: 1_000,
            "the server's disk is nearly full: submissions are refused, workers may still settle; free space or wait")
    }

    // MARK: Outboxes

    /// Taken out while it is written, so that it is never copied.
    private func takeOutbox(_ durability: Durability, _ request: Request) -> ByteBuffer {
        guard request.id != 0 else { return ByteBuffer() }
        var taken = ByteBuffer()
        let connection = request.peer.connection
        if durability == .memory { swap(&taken, &connection.early) } else { swap(&taken, &connection.outbox) }
        return taken
    }

    private func put(back out: ByteBuffer, _ durability: Durability, _ request: Request) {
        guard request.id != 0 else { return }
        let connection = request.peer.connection
        if durability == .memory { connection.early = out } else { connection.outbox = out }
        note(connection)
    }
}

extension JobOptions {
    init(_ options: SubmitOptions) {
        self.init()
        guard !options.isEmpty else { return }
        maxAttempts = options.maxAttempts
        backoff = options.backoff.map { .init(base: $0.baseMilliseconds, cap: $0.capMilliseconds) }
        retainCompleted = options.retainCompletedMilliseconds
        retainDead = options.retainDeadMilliseconds
    }
}
