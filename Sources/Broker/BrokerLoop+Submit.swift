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
            let view = try SubmitView(
                from: &reader, batchMax: Int(configuration.limits.batchMax), memo: &submitMemo)
            try submit(view, body, request, rows)
        }
    }

    private func submit(
        _ submit: SubmitView, _ body: ByteBuffer, _ request: Request, _ rows: borrowing Transaction
    ) throws {
        if submit.producer != 0, try answerFromMemory(submit, request, rows) { return }
        let queue = try queue(toSubmitTo: submit.queue)
        guard body.readableBytes < BrokerLoop.stagedBytesMin else {
            return try stage(body, submit, request, rows)
        }
        let refusals = submit.isAtomic ? try refusals(ofAtomic: submit, to: queue, rows) : nil
        let options = commonOptions.options(of: submit)
        let answer = SubmitAnswer(submit, options, queue, request)
        try write(answer, ids: .ascending, refusals, rows)
    }

    /// The queue, made when there is none.
    func queue(toSubmitTo name: UnsafeRawBufferPointer) throws -> QueueIndex {
        guard let queue = engine.queue(named: name) else { throw tooManyQueues() }
        guard !engine.isDraining(queue) else {
            throw WireError.queueDraining(engine.name(of: queue))
        }
        return queue
    }

    /// What a submission is answered with.
    struct SubmitAnswer {
        let submit: SubmitView
        let queue: QueueIndex
        let request: Request
        /// The frame's, for jobs that say nothing of themselves; nil: they lie with each job.
        fileprivate let options: JobOptions?

        init(
            _ submit: SubmitView, _ options: JobOptions?, _ queue: QueueIndex, _ request: Request
        ) {
            self.submit = submit
            self.options = options
            self.queue = queue
            self.request = request
        }
    }

    /// The ids that jobs get.
    enum SubmitIDs {
        /// The next ones.
        case ascending
        /// Those that were set aside, for what was not refused then, when payloads were staged.
        case staged(first: UInt64)
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
        var tally = SubmitTally()
        var stagedID: UInt64?
        if case .staged(let first) = ids { stagedID = first }
        var items = submit
        var index = 0
        var run: SubmittedRun?
        while let item = try items.nextItem() {
            let refusal =
                refusals.map { $0[index] } ?? item.refusal(payloadBytesMax: payloadBytesMax)
            index += 1
            if let refusal {
                writer.refuse(refusal, to: &out)
                continue
            }
            let outcome = try self.submit(item, answer, &run, stagedID, rows)
            stagedID? += 1
            tally.count(outcome)
            if case .accepted(let id) = outcome {
                writer.accept(JobID(rawValue: id), to: &out)
            } else {
                writer.refuse(error(outcome, answer.queue), to: &out)
            }
        }
        if let run { try engine.end(run, rows) }
        writer.finish(in: &out)
        if submit.producer != 0 { try remember(tally, submit, out, from: start, rows) }
        put(back: out, submit.durability, answer.request)
    }

    /// What a submission came to.
    struct SubmitTally {
        /// The id of the first job accepted; those of the others follow by one when all are.
        private(set) var first: UInt64 = 0
        private(set) var accepted = 0
        /// Jobs that were there already.
        private(set) var existing = 0

        fileprivate mutating func count(_ outcome: SubmissionOutcome) {
            switch outcome {
            case .accepted(let id):
                if accepted == 0 { first = id }
                accepted += 1
            case .existing: existing += 1
            case .taken, .mismatch, .full, .withoutDictionary: break
            }
        }
    }

    /// - Parameter run: what the items before this one have begun; what it goes on with.
    private func submit(
        _ item: SubmitItemView, _ answer: SubmitAnswer, _ run: inout SubmittedRun?,
        _ stagedID: UInt64?, _ rows: borrowing Transaction
    ) throws -> SubmissionOutcome {
        let isAlike = stagedID == nil && item.ownOptions == nil
        if isAlike {
            let payload = StoredPayload(item.payload)
            if let id = try engine.submit(payload, to: &run, rows) { return .accepted(id) }
        }
        if let ended = run { try engine.end(ended, rows) }
        run = nil
        return try item.withSubmission(of: answer.submit, answer.options) { job in
            if let stagedID {
                return try engine.submit(staged: stagedID, job, to: answer.queue, rows)
            }
            let outcome = try engine.submit(job, to: answer.queue, rows)
            if isAlike, case .accepted(let id) = outcome {
                run = try engine.run(behind: id, job, in: answer.queue, rows)
            }
            return outcome
        }
    }

    /// How an item is answered that did not become a job.
    private func error(_ outcome: SubmissionOutcome, _ queue: QueueIndex) -> WireError {
        switch outcome {
        case .accepted(let id), .existing(let id): .duplicate(of: JobID(rawValue: id))
        case .taken(let id): .uniqueTaken(by: JobID(rawValue: id))
        case .mismatch(let id): .uniqueMismatch(with: JobID(rawValue: id))
        case .withoutDictionary(let id): .dictionaryUnknown(id)
        case .full(let limit, let actual, let ofBytes):
            .queueFull(
                engine.name(of: queue), ofBytes ? "payload bytes" : "jobs", actual: actual,
                limit: limit)
        }
    }

    // MARK: Atomic batches

    /// Why none of the jobs of an atomic batch can be taken, item by item; nil when all can.
    /// - Parameter known: what was found out before; nil: nothing.
    func refusals(
        ofAtomic submit: SubmitView, to queue: QueueIndex, known: [WireError?]? = nil,
        _ rows: borrowing Transaction
    ) throws -> [WireError?]? {
        var items = submit
        var ahead = SubmissionsAhead()
        let options = JobOptions(common: submit.options)
        let payloadBytesMax = Int(configuration.limits.payloadBytesMax)
        var refusals: [WireError?] = []
        while let item = try items.nextItem() {
            var refusal =
                known.map { $0[refusals.count] } ?? item.refusal(payloadBytesMax: payloadBytesMax)
            if refusal == nil {
                let outcome = try item.withSubmission(of: submit, options) { job in
                    try engine.refusal(of: job, to: queue, ahead: &ahead, rows)
                }
                refusal = outcome.flatMap { $0.isRefusal ? error($0, queue) : nil }
            }
            refusals.append(refusal)
        }
        guard refusals.contains(where: { $0 != nil }) else { return nil }
        return refusals.map { $0 ?? .batchRefused() }
    }

    // MARK: Refusals of the whole

    func tooManyQueues() -> WireError {
        let limit = UInt64(configuration.queuesMax)
        return WireError(
            .tooManyQueues, limit: limit, actual: limit + 1,
            "there are \(limit.grouped) queues already, which is this server's limit")
    }

    func storeFull() -> WireError {
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

extension SubmissionOutcome {
    /// Whether the job that was wanted is not there.
    fileprivate var isRefusal: Bool {
        switch self {
        case .accepted, .existing: false
        case .taken, .mismatch, .full, .withoutDictionary: true
        }
    }
}
