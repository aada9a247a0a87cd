public import Foundation
import MartletWire
import NIOCore

/// A job that was pushed.
///
/// Only the id matters: a handle for the same job can be made again from it, by another program as
/// well, with ``MartletClient/handle(for:of:)``.
public struct JobHandle<Output: Sendable>: Identifiable, Sendable {
    public let id: JobStatus.ID
    /// The push made no job, since its unique key was held: this is the job that holds it.
    public let wasDuplicate: Bool
    /// What the push's acknowledgement was worth; nil for a handle made from an id.
    public let durability: JobOptions.Durability?

    let client: MartletClient
    let decode: @Sendable (Data?) throws -> Output

    /// What the handler made; waits until the job is done.
    ///
    /// - Throws: ``MartletError/Code/jobFailed`` with the last failure's reason when the job died,
    ///   `jobCancelled` and `jobExpired` when it ended so, `codingFailed` when the result is not an
    ///   `Output`.
    public var value: Output {
        get async throws(MartletError) {
            try await value(timeout: nil)
        }
    }

    /// What the handler made; waits until the job is done, or the time is over.
    ///
    /// - Throws: what ``value`` throws, and ``MartletError/Code/waitTimeout``.
    public func value(timeout: Duration?) async throws(MartletError) -> Output {
        let result = try await result(timeout: timeout)
        do {
            return try decode(result)
        } catch let error as MartletError {
            throw error
        } catch {
            throw MartletError(
                .codingFailed, "the result of job \(id) is no \(Output.self): \(error)",
                underlyingError: error)
        }
    }

    /// The bytes that the handler made; nil when it made none. Waits until the job is done, or the
    /// time is over.
    ///
    /// - Parameter timeout: nil: as long as it takes.
    public func result(timeout: Duration? = nil) async throws(MartletError) -> Data? {
        let job = try await client.finishedInfo(of: id, parts: .result, timeout: timeout)
        switch job.state {
        case .completed:
            guard let result = job.result else { return nil }
            return Data(try await client.unpack(result).readableBytesView)
        case .dead:
            throw .jobFailed(job)
        case .cancelled:
            throw .jobCancelled(job)
        case .expired:
            throw MartletError(.jobExpired, "job \(id) was not worked on in time")
        case .scheduled, .ready, .running, .held:
            throw MartletError(.protocolViolation, "the server ended the wait for job \(id) early")
        }
    }

    /// What the server knows about the job now.
    public func status() async throws(MartletError) -> JobStatus {
        try await client.status(of: id)
    }

    /// What happens to the job from now on, but for progress; ends with the job.
    public var events: JobEvents {
        client.events(ofJob: id, includesProgress: false)
    }

    /// What the handler says from now on of how far it is, beginning with what it said last; ends
    /// with the job.
    public var progress: JobProgressUpdates {
        JobProgressUpdates(events: client.events(ofJob: id, includesProgress: true), job: id)
    }

    /// The lines that the handlers logged and that are still kept, up to now.
    public var logs: JobLog {
        client.logs(of: id)
    }

    /// Why the job is where it is.
    public func explain() async throws(MartletError) -> JobExplanation {
        try await client.explain(id)
    }

    /// Cancels the job: at once when it waits; a running one's handler is told, and has the grace
    /// to stop.
    ///
    /// - Parameter grace: up to 1 day; nil: 10 seconds.
    /// - Returns: the state in which the job is now: `running` while its handler has the grace.
    /// - Throws: ``MartletError/Code/jobFinished`` when it is too late.
    @discardableResult
    public func cancel(
        reason: String = "", grace: Duration? = nil
    ) async throws(MartletError) -> JobStatus.State {
        try await client.cancel(id, reason: reason, grace: grace)
    }
}

extension JobHandle where Output == Void {
    /// Waits until the job is done.
    ///
    /// - Throws: as for every job.
    public func finished(timeout: Duration? = nil) async throws(MartletError) {
        try await value(timeout: timeout)
    }
}

extension MartletClient {
    /// A handle for a job that was pushed before.
    public func handle<J: Job>(for id: JobStatus.ID, of type: J.Type) -> JobHandle<J.Output> {
        JobHandle(
            id: id, wasDuplicate: false, durability: nil, client: self,
            decode: { try J.decode(result: $0) })
    }

    /// A handle for a job that was pushed before, whose result is taken as bytes.
    public func handle(for id: JobStatus.ID) -> JobHandle<Data> {
        JobHandle(
            id: id, wasDuplicate: false, durability: nil, client: self,
            decode: { $0 ?? Data() })
    }

    func handle<J: Job>(for job: PushedJob, of type: J.Type) -> JobHandle<J.Output> {
        JobHandle(
            id: job.id, wasDuplicate: job.wasDuplicate, durability: job.durability, client: self,
            decode: { try J.decode(result: $0) })
    }

    func handle(for job: PushedJob) -> JobHandle<Data> {
        JobHandle(
            id: job.id, wasDuplicate: job.wasDuplicate, durability: job.durability, client: self,
            decode: { $0 ?? Data() })
    }
}

extension MartletError {
    fileprivate static func jobCancelled(_ job: JobInfo) -> MartletError {
        let reason = job.cancel?.reason ?? ""
        return MartletError(
            .jobCancelled, "job \(job.id) was cancelled" + (reason.isEmpty ? "" : ": \(reason)"))
    }

    fileprivate static func jobFailed(_ job: JobInfo) -> MartletError {
        MartletError(
            .jobFailed,
            "job \(job.id) is dead after \(job.failures) failures and \(job.crashes) crashes: "
                + (job.error ?? "no reason given"))
    }
}
