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
            try submit(view, body, request, rows)
        }
    }

    private func submit(
        _ submit: SubmitView, _ body: ByteBuffer, _ request: Request, _ rows: borrowing Transaction
    ) throws {
        if submit.producer != 0, try answerFromMemory(submit, request, rows) { return }
        guard let queue = engine.queue(named: submit.queue) else {
            let limit = UInt64(configuration.queuesMax)
            throw WireError(
                .tooManyQueues, limit: limit, actual: limit + 1,
                "there are \(limit.grouped) queues already, which is this server's limit")
        }
        guard body.readableBytes < BrokerLoop.stagedBytesMin else {
            return try stage(body, submit, to: queue, request, rows)
        }
        let isRefused = submit.isAtomic ? try refusesAny(submit) : false
        let answer = SubmitAnswer(submit, queue, request)
        try write(answer, ids: isRefused ? .none : .ascending, nil, rows)
    }

    /// What a submission is answered with.
    struct SubmitAnswer {
        let submit: SubmitView
        let queue: QueueIndex
        let request: Request

        init(_ submit: SubmitView, _ queue: QueueIndex, _ request: Request) {
            self.submit = submit
            self.queue = queue
            self.request = request
        }
    }

    /// The ids that jobs get.
    enum SubmitIDs {
        /// The next ones.
        case ascending
        /// Those that were set aside when their payloads were staged.
        case staged(first: UInt64)
        /// None: an atomic batch of which one is refused.
        case none
    }

    /// Submits what is not refused and writes the answer.
    /// - Parameter refusals: nil: each item is checked now.
    func write(
        _ answer: SubmitAnswer, ids: SubmitIDs, _ refusals: [WireError?]?,
        _ rows: borrowing Transaction
    ) throws {
        let submit = answer.submit
        var out = takeOutbox(submit.durability, answer.request)
        let start = out.writerIndex
        var writer = SubmittedWriter(
            to: &out, requestID: answer.request.id, channel: answer.request.peer.channel,
            durability: submit.durability)
        let payloadBytesMax = Int(configuration.limits.payloadBytesMax)
        var outcome = SubmitOutcome(first: engine.nextJobID)
        if case .staged(let first) = ids { outcome.first = first }
        var items = submit
        var index = 0
        while let item = try items.nextItem() {
            let refusal =
                refusals.map { $0[index] } ?? item.refusal(payloadBytesMax: payloadBytesMax)
            index += 1
            if let refusal {
                writer.refuse(refusal, to: &out)
                continue
            }
            let job = Submission(
                type: submit.type, payload: StoredPayload(item.payload),
                options: JobOptions(item.options))
            let result: SubmissionOutcome
            switch ids {
            case .none:
                writer.refuse(.batchRefused(), to: &out)
                continue
            case .ascending: result = try engine.submit(job, to: answer.queue, rows)
            case .staged(let first):
                let id = first + UInt64(outcome.staged)
                outcome.staged += 1
                result = try engine.submit(staged: id, job, to: answer.queue, rows)
            }
            guard case .accepted(let id) = result else {
                writer.refuse(.batchRefused(), to: &out)
                continue
            }
            writer.accept(JobID(rawValue: id), to: &out)
            outcome.accepted += 1
        }
        writer.finish(in: &out)
        if submit.producer != 0 { try remember(outcome, submit, out, from: start, rows) }
        put(back: out, submit.durability, answer.request)
    }

    private struct SubmitOutcome {
        var first: UInt64
        var accepted = 0
        /// Staged jobs that were submitted, accepted or not.
        var staged = 0
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
            producer: submit.producer, sequence: submit.sequence, floor: submit.floor,
            replyBytesUnderWay: replyBytesUnderWay(besides: submit), rows)
        switch precedent {
        case .none: return false
        case .jobs(let jobs):
            let run = Submitted.Run.accepted(
                first: JobID(rawValue: jobs.first), count: UInt16(jobs.count))
            reply(Submitted(durability: .disk, isRepeated: true, runs: [run]), to: request)
        case .reply(let bytes):
            var answer = try Submitted(body: ByteBuffer(bytes: bytes))
            answer.isRepeated = true
            replyAtLength(answer, to: request)
        case .forgotten(let floor):
            throw WireError(
                .sequenceForgotten, limit: floor, actual: submit.sequence,
                "sequence \(submit.sequence) is below the producer's floor of \(floor): its answer is forgotten"
            )
        case .lost:
            throw WireError(
                .sequenceForgotten, limit: .max, actual: submit.sequence,
                "the record of this producer's answers was damaged: nobody knows whether \(submit.sequence) "
                    + "was accepted; submit new jobs with a new producer number"
            )
        case .tooFarAhead(let floor):
            throw WireError(
                .sequenceAhead, limit: floor + EngineLimits.producerWindowMax,
                actual: submit.sequence,
                "sequence \(submit.sequence) is too far above the floor of \(floor)"
            )
        }
        return true
    }

    private func remember(
        _ outcome: SubmitOutcome, _ submit: SubmitView, _ out: ByteBuffer, from start: Int,
        _ rows: borrowing Transaction
    ) throws {
        if outcome.accepted == submit.count {
            let jobs = JobRun(first: outcome.first, count: UInt32(outcome.accepted))
            try engine.remember(producer: submit.producer, sequence: submit.sequence, jobs, rows)
        } else if outcome.accepted > 0 {
            try engine.remember(
                producer: submit.producer, sequence: submit.sequence,
                reply: body(of: out, from: start), rows)
        }
    }

    /// The body of the message that begins at `start`, whatever the number of its frames.
    private func body(of out: ByteBuffer, from start: Int) -> [UInt8] {
        var frames = out.getSlice(at: start, length: out.writerIndex - start) ?? ByteBuffer()
        var body: [UInt8] = []
        while let frame = frames.readFrame() {
            body.append(contentsOf: frame.body.readableBytesView)
        }
        return body
    }

    private func storeFull() -> WireError {
        WireError(
            .storeFull, retryAfterMilliseconds: 1_000,
            "the server's disk is nearly full: submissions are refused, workers may still settle; free space or wait"
        )
    }

    // MARK: Outboxes

    /// Taken out while it is written, so that it is never copied.
    private func takeOutbox(_ durability: Durability, _ request: Request) -> ByteBuffer {
        guard request.id != 0 else { return ByteBuffer() }
        var taken = ByteBuffer()
        let connection = request.peer.connection
        if durability == .memory {
            swap(&taken, &connection.early)
        } else {
            swap(&taken, &connection.outbox)
        }
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
