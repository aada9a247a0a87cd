public import Foundation
package import MartletWire
public import NIOCore

extension MartletClient {
    /// Pushes a job, and returns when the server has it.
    ///
    /// - Parameters:
    ///   - queue: the job's own queue when nil.
    ///   - options: the job's own options when nil.
    @discardableResult
    public func push<J: Job>(
        _ job: J, queue: String? = nil, options: JobOptions? = nil
    ) async throws(MartletError) -> JobHandle<J.Output> {
        let ids = try await submit(
            [try job.payload()], type: J.type, queue: queue ?? J.queue,
            options: options ?? J.options)
        return handle(for: ids[0], of: J.self)
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
        contentsOf jobs: some Sequence<J>, queue: String? = nil, options: JobOptions? = nil
    ) async throws(MartletError) -> [JobHandle<J.Output>] {
        var payloads: [ByteBuffer] = []
        for job in jobs { payloads.append(try job.payload()) }
        let ids = try await submit(
            payloads, type: J.type, queue: queue ?? J.queue, options: options ?? J.options)
        return ids.map { handle(for: $0, of: J.self) }
    }

    /// Pushes a job whose parameters are bytes that the client does not look into.
    @discardableResult
    public func push(
        payload: ByteBuffer, type: String, queue: String = "default",
        options: JobOptions = JobOptions()
    ) async throws(MartletError) -> JobHandle<Data> {
        let ids = try await submit([payload], type: type, queue: queue, options: options)
        return handle(for: ids[0])
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
        let ids = try await submit(payloads, type: type, queue: queue, options: options)
        return ids.map { handle(for: $0) }
    }

    private func submit(
        _ payloads: [ByteBuffer], type: String, queue: String, options: JobOptions
    ) async throws(MartletError) -> [JobStatus.ID] {
        let batches = try await batches(
            of: payloads, type: type, queue: queue, options: try options.onTheWire())
        var ids: [JobStatus.ID] = []
        ids.reserveCapacity(payloads.count)
        for batch in batches {
            let submitted = try await reconnector.submit(batch, until: requestDeadline())
            for run in submitted.runs { try run.append(to: &ids) }
        }
        guard ids.count == payloads.count else { throw .itemsDiffer }
        return ids
    }

    private func batches(
        of payloads: [ByteBuffer], type: String, queue: String, options: SubmitOptions
    ) async throws(MartletError) -> [Submit] {
        try Self.check(type: type, queue: queue)
        let limits = try await reconnector.serverLimits(until: requestDeadline())
        var batcher = SubmissionBatcher(
            head: Submit(
                queue: queue, type: type, durability: configuration.durability.onTheWire,
                isAtomic: true,
                items: [], options: options),
            limits: limits)
        for payload in payloads {
            batcher.append(try packer.pack(payload, limit: Int(limits.payloadBytesMax)))
        }
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
    package func submit(
        _ message: Submit
    ) async throws(MartletError) -> [Result<JobStatus.ID, MartletError>] {
        let submitted = try await reconnector.submit(message, until: requestDeadline())
        guard submitted.results.count == message.items.count else { throw .itemsDiffer }
        return submitted.results.map { result in
            result.map { JobStatus.ID($0) }.mapError { MartletError($0) }
        }
    }

    /// What the server allows; waits for the first connection.
    package func serverLimits() async throws(MartletError) -> ServerLimits {
        try await reconnector.serverLimits(until: requestDeadline())
    }
}

extension Job {
    fileprivate func payload() throws(MartletError) -> ByteBuffer {
        do {
            return ByteBuffer(bytes: try encoded())
        } catch {
            throw MartletError(
                .codingFailed, "the parameters of \(Self.self) can't be encoded: \(error)",
                underlyingError: error)
        }
    }
}

extension Submitted.Run {
    /// - Throws: why the first job of the run was refused.
    fileprivate func append(to ids: inout [JobStatus.ID]) throws(MartletError) {
        switch self {
        case .accepted(let first, let count):
            for index in 0..<UInt64(count) {
                ids.append(JobStatus.ID(JobID(rawValue: first.rawValue + index)))
            }
        case .refused(let error, _):
            throw MartletError(error)
        }
    }
}

extension MartletError {
    fileprivate static var itemsDiffer: MartletError {
        MartletError(
            .protocolViolation, "the server answered for another number of jobs than were sent")
    }
}
