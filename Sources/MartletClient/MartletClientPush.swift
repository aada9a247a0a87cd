public import Foundation
package import MartletWire
public import NIOCore

extension MartletClient {
    /// Pushes a job, and returns when the server has it.
    ///
    /// - Parameters:
    ///   - queue: the job's own queue when nil.
    ///   - options: count before those of the job's type.
    /// - Throws: why the job was refused. A unique key that is held by another job is no refusal,
    ///   unless its options say so: ``JobHandle/wasDuplicate``.
    @discardableResult
    public func push<J: Job>(
        _ job: J, queue: String? = nil, options: JobOptions = JobOptions()
    ) async throws(MartletError) -> JobHandle<J.Output> {
        let pushed = try await submit(
            [try job.payload()], type: J.type, queue: queue ?? J.queue,
            options: options.filled(from: J.options), isAtomic: true)
        return handle(for: try pushed[0].get(), of: J.self)
    }

    /// Pushes many jobs, and returns when the server has them.
    ///
    /// As many as fit travel in one message, and become durable in one write. The jobs of one
    /// message are accepted all or none; when there are several messages and this throws, those
    /// before the refused one were accepted.
    ///
    /// - Returns: a handle for each job, in order.
    @discardableResult
    public func push<J: Job>(
        contentsOf jobs: some Sequence<J>, queue: String? = nil, options: JobOptions = JobOptions()
    ) async throws(MartletError) -> [JobHandle<J.Output>] {
        var payloads: [ByteBuffer] = []
        for job in jobs { payloads.append(try job.payload()) }
        let pushed = try await submit(
            payloads, type: J.type, queue: queue ?? J.queue,
            options: options.filled(from: J.options), isAtomic: true)
        return try pushed.handles { handle(for: $0, of: J.self) }
    }

    /// Pushes many jobs as ``push(contentsOf:queue:options:)`` does, but takes each for itself: one
    /// that is refused leaves the others as they are.
    ///
    /// - Returns: for each job, in order, a handle, or why it was refused.
    /// - Throws: when nothing was sent.
    public func push<J: Job>(
        eachOf jobs: some Sequence<J>, queue: String? = nil, options: JobOptions = JobOptions()
    ) async throws(MartletError) -> [Result<JobHandle<J.Output>, MartletError>] {
        var payloads: [ByteBuffer] = []
        for job in jobs { payloads.append(try job.payload()) }
        let pushed = try await submit(
            payloads, type: J.type, queue: queue ?? J.queue,
            options: options.filled(from: J.options), isAtomic: false)
        return pushed.map { $0.map { handle(for: $0, of: J.self) } }
    }

    /// Pushes a job whose parameters are bytes that the client does not look into.
    @discardableResult
    public func push(
        payload: ByteBuffer, type: String, queue: String = "default",
        options: JobOptions = JobOptions()
    ) async throws(MartletError) -> JobHandle<Data> {
        let pushed = try await submit(
            [payload], type: type, queue: queue, options: options, isAtomic: true)
        return handle(for: try pushed[0].get())
    }

    /// Pushes a job whose parameters are bytes that the client does not look into.
    @discardableResult
    public func push(
        payload: some Sequence<UInt8>, type: String, queue: String = "default",
        options: JobOptions = JobOptions()
    ) async throws(MartletError) -> JobHandle<Data> {
        try await push(
            payload: ByteBuffer(bytes: payload), type: type, queue: queue, options: options)
    }

    /// Pushes many jobs as ``push(contentsOf:queue:options:)`` does, their parameters being bytes.
    @discardableResult
    public func push(
        payloads: [ByteBuffer], type: String, queue: String = "default",
        options: JobOptions = JobOptions()
    ) async throws(MartletError) -> [JobHandle<Data>] {
        let pushed = try await submit(
            payloads, type: type, queue: queue, options: options, isAtomic: true)
        return try pushed.handles { handle(for: $0) }
    }

    /// Pushes many jobs as ``push(eachOf:queue:options:)`` does, their parameters being bytes.
    public func push(
        eachOf payloads: [ByteBuffer], type: String, queue: String = "default",
        options: JobOptions = JobOptions()
    ) async throws(MartletError) -> [Result<JobHandle<Data>, MartletError>] {
        let pushed = try await submit(
            payloads, type: type, queue: queue, options: options, isAtomic: false)
        return pushed.map { $0.map { handle(for: $0) } }
    }

    private func submit(
        _ payloads: [ByteBuffer], type: String, queue: String, options: JobOptions, isAtomic: Bool
    ) async throws(MartletError) -> [Result<PushedJob, MartletError>] {
        try Self.check(type: type, queue: queue)
        let durability = options.durability ?? configuration.durability
        let head = Submit(
            queue: queue, type: type, durability: durability.onTheWire, isAtomic: isAtomic,
            items: [], options: try options.onTheWire())
        // Payloads are compared as they are carried: those of a later push must be packed in the same way.
        let isCompared = options.unique?.samePayload == true
        let dictionary =
            isCompared ? nil : dictionaries.dictionary(for: type, submitting: payloads)
        return try await submit(payloads, head, with: dictionary)
    }

    private func submit(
        _ payloads: [ByteBuffer], _ head: Submit, with dictionary: PackingDictionary?
    ) async throws(MartletError) -> [Result<PushedJob, MartletError>] {
        var pushed: [Result<PushedJob, MartletError>] = []
        pushed.reserveCapacity(payloads.count)
        for batch in try await batches(of: payloads, head: head, with: dictionary) {
            let raw = payloads[pushed.count..<pushed.count + batch.items.count]
            do throws(MartletError) {
                var results = try await submitEach(batch)
                if dictionary != nil {
                    results = try await again(results, raw, head) {
                        (payloads) async throws(MartletError) in
                        try await self.submit(payloads, head, with: nil)
                    }
                }
                pushed += results
            } catch {
                if head.isAtomic { throw error }
                pushed += Array(repeating: .failure(error), count: batch.items.count)
            }
        }
        return pushed
    }

    private func batches(
        of payloads: [ByteBuffer], head: Submit, with dictionary: PackingDictionary?
    ) async throws(MartletError) -> [Submit] {
        let limits = try await reconnector.serverLimits(until: requestDeadline())
        let packer = packer(of: head.type)
        var batcher = SubmissionBatcher(head: head, limits: limits)
        var packed = PackedBytes(with: dictionary)
        for payload in payloads {
            let carried = try packer.pack(
                payload, limit: Int(limits.payloadBytesMax), with: dictionary)
            packed.count(carried)
            batcher.append(carried)
        }
        dictionaries.packed(packed, of: head.type, with: dictionary)
        return batcher.finish()
    }

    private static func check(type: String, queue: String) throws(MartletError) {
        do throws(WireError) {
            try Names.check(queue: queue)
            try Names.check(type: type)
        } catch {
            throw MartletError(error)
        }
    }
}

extension MartletClient {
    /// Submits what has been checked and packed, and says what became of each item.
    ///
    /// - Parameter message: at most `batch_max` items. Its producer, sequence and floor are set
    ///   here.
    package func submitEach(
        _ message: Submit
    ) async throws(MartletError) -> [Result<PushedJob, MartletError>] {
        let submitted = try await reconnector.submit(message, until: requestDeadline())
        guard submitted.runs.reduce(0, { $0 + $1.count }) == message.items.count else {
            throw .itemsDiffer
        }
        let durability = JobOptions.Durability(submitted.durability)
        return submitted.runs.flatMap { $0.pushedJobs(durability) }
    }

    /// Packs payloads and submits them in one message, whatever they come to.
    ///
    /// - Parameter head: a message without items.
    package func submitTogether(
        _ payloads: [ByteBuffer], _ head: Submit
    ) async throws(MartletError) -> [Result<PushedJob, MartletError>] {
        let isCompared = head.options.fields.unique?.requiresSamePayload == true
        let dictionary =
            isCompared ? nil : dictionaries.dictionary(for: head.type, submitting: payloads)
        let results = try await submitEach(try await packed(payloads, head, with: dictionary))
        return try await again(results, payloads[...], head) {
            (payloads) async throws(MartletError) in
            try await self.submitEach(try await self.packed(payloads, head, with: nil))
        }
    }

    private func packed(
        _ payloads: [ByteBuffer], _ head: Submit, with dictionary: PackingDictionary?
    ) async throws(MartletError) -> Submit {
        let limit = Int(try await serverLimits().payloadBytesMax)
        let packer = packer(of: head.type)
        var message = head
        var packed = PackedBytes(with: dictionary)
        for payload in payloads {
            let carried = try packer.pack(payload, limit: limit, with: dictionary)
            packed.count(carried)
            message.items.append(SubmitItem(payload: carried))
        }
        dictionaries.packed(packed, of: head.type, with: dictionary)
        return message
    }

    /// Submits those jobs once more whose dictionary was retired a moment ago.
    ///
    /// - Parameter submit: submits payloads without a dictionary.
    private func again(
        _ results: [Result<PushedJob, MartletError>], _ payloads: ArraySlice<ByteBuffer>,
        _ head: Submit,
        submit: ([ByteBuffer]) async throws(MartletError) -> [Result<PushedJob, MartletError>]
    ) async throws(MartletError) -> [Result<PushedJob, MartletError>] {
        guard results.contains(where: { $0.isFailure(.dictionaryUnknown) }) else { return results }
        dictionaries.refused(type: head.type)
        if head.isAtomic { return try await submit(Array(payloads)) }
        let refused = results.indices.filter { results[$0].isFailure(.dictionaryUnknown) }
        let packed = refused.map { payloads[payloads.startIndex + $0] }
        var results = results
        for (index, result) in zip(refused, try await submit(packed)) { results[index] = result }
        return results
    }

    /// Submits as ``submitEach(_:)`` does; a duplicate is told by its id alone.
    package func submit(
        _ message: Submit
    ) async throws(MartletError) -> [Result<JobStatus.ID, MartletError>] {
        try await submitEach(message).map { $0.map(\.id) }
    }

    /// What the server allows; waits for the first connection.
    package func serverLimits() async throws(MartletError) -> ServerLimits {
        try await reconnector.serverLimits(until: requestDeadline())
    }
}

extension Job {
    func payload() throws(MartletError) -> ByteBuffer {
        do {
            return ByteBuffer(bytes: try encoded())
        } catch {
            throw MartletError(
                .codingFailed, "the parameters of \(Self.self) can't be encoded: \(error)",
                underlyingError: error)
        }
    }
}

extension Result where Failure == MartletError {
    fileprivate func isFailure(_ code: MartletError.Code) -> Bool {
        if case .failure(let error) = self { error.code == code } else { false }
    }
}

extension [Result<PushedJob, MartletError>] {
    /// - Throws: why the jobs were refused: the one that is to blame, not those refused along with
    ///   it.
    fileprivate func handles<Output>(
        _ make: (PushedJob) -> JobHandle<Output>
    ) throws(MartletError) -> [JobHandle<Output>] {
        var companion: MartletError?
        var handles: [JobHandle<Output>] = []
        handles.reserveCapacity(count)
        for result in self {
            switch result {
            case .success(let job): handles.append(make(job))
            case .failure(let error) where error.code == .batchRefused: companion = error
            case .failure(let error): throw error
            }
        }
        if let companion { throw companion }
        return handles
    }
}

extension MartletError {
    fileprivate static var itemsDiffer: MartletError {
        MartletError(
            .protocolViolation, "the server answered for another number of jobs than were sent")
    }
}
