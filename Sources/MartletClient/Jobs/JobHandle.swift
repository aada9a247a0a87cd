public import Foundation
import MartletWire
import NIOCore

/// A job that was pushed.
///
/// Only the id matters: a handle for the same job can be made again from it, by another program as
/// well, with ``MartletClient/handle(for:of:)``.
public struct JobHandle<Output: Sendable>: Identifiable, Sendable {
    public let id: JobStatus.ID

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
            throw MartletError(.jobCancelled, "job \(id) was cancelled")
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
        JobHandle(id: id, client: self, decode: { try J.decode(result: $0) })
    }

    /// A handle for a job that was pushed before, whose result is taken as bytes.
    public func handle(for id: JobStatus.ID) -> JobHandle<Data> {
        JobHandle(id: id, client: self, decode: { $0 ?? Data() })
    }
}

extension MartletError {
    fileprivate static func jobFailed(_ job: JobInfo) -> MartletError {
        MartletError(
            .jobFailed,
            "job \(job.id) is dead after \(job.failures) failures and \(job.crashes) crashes: "
                + (job.error ?? "no reason given"))
    }
}
