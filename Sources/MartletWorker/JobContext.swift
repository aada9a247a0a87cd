public import Foundation
public import Logging
public import MartletClient
import MartletWire
import NIOCore

/// What a handler may know about the job that it runs, and say about it.
///
/// What few handlers look at is made when it is asked for: keep it where it is needed often.
public struct JobContext: Sendable {
    private let running: Attempt

    init(_ running: Attempt) { self.running = running }

    public var id: JobStatus.ID { JobStatus.ID(job.key.id) }
    public var queue: String { job.queue }
    public var type: String { job.type }
    /// This attempt's number, beginning with 1: the sum of the three counters, and one.
    public var attempt: Int { job.fields.attempt }
    /// Earlier attempts in which the handler said no.
    public var failures: Int { Int(job.fields.failures) }
    /// Earlier attempts that ended because the worker vanished or its lease ended.
    public var crashes: Int { Int(job.fields.crashes) }
    /// Earlier attempts that a worker gave back unspent.
    public var interruptions: Int { Int(job.fields.interruptions) }
    /// What the job was pushed with beside its parameters, such as `traceparent`.
    public var headers: [String: String] {
        Dictionary(job.options.headers?.list ?? [], uniquingKeysWith: { $1 })
    }
    public var tags: [String] { job.options.tags?.list ?? [] }
    /// The last checkpoint of an earlier attempt; nil when there is none.
    public var checkpoint: Data? { job.options.checkpoint.map { Data($0.readableBytesView) } }
    /// Greater than that of any earlier delivery of this job. Store it beside what the handler
    /// writes elsewhere, and refuse writes with a smaller one, so that a handler whose lease was
    /// lost can't overwrite its successor's work.
    public var leaseToken: UInt64 { job.key.token }
    /// When the handler will be cancelled for taking too long; nil: never.
    public var deadline: ContinuousClock.Instant? { running.deadline }
    /// Longest result that the server takes.
    public var resultBytesMax: Int { running.resultBytesMax }
    /// Carries the job's id, type and attempt.
    public var logger: Logger {
        var logger = running.logger
        logger[metadataKey: "job"] = .stringConvertible(id)
        logger[metadataKey: "type"] = .string(type)
        logger[metadataKey: "attempt"] = .stringConvertible(attempt)
        return logger
    }

    private var job: DeliveredJob { running.job }

    /// Why the handler's task was cancelled; nil while it is not.
    public var cancellationReason: CancellationReason? { running.reason }

    /// Shows whoever looks at the job how far it is.
    ///
    /// Cheap: the latest news is sent when the one before has arrived, and what comes in between is
    /// left out.
    ///
    /// - Parameters:
    ///   - fraction: 0 … 1; what is outside is taken as the nearest of the two.
    ///   - message: at most 1,024 bytes; the rest is cut off.
    /// - Throws: `CancellationError` when the handler should stop, so that a handler that reports
    ///   need not ask.
    public func progress(_ fraction: Double, _ message: String = "") async throws {
        try Task.checkCancellation()
        tell(fraction, message)
    }

    /// Adds to the job's log, which whoever looks at the job can read as long as the job is kept.
    ///
    /// Cheap: lines travel together, and reach the server before the job's outcome does. A job
    /// keeps its last 1,000 lines, or fewer when they have more than 65,536 bytes together.
    ///
    /// - Parameter text: one line, or several; of each, what is above 4,096 bytes is cut off.
    public func log(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        running.report(
            .log(lines.map { String($0).truncated(toUTF8Bytes: Limits.logLineBytesMax) }))
    }

    /// Keeps a place to go on from: the next attempt gets the last one as its ``checkpoint``.
    ///
    /// Returns once the server has it, as safe as a job that was pushed: whatever becomes of this
    /// worker, the next attempt goes on from here or from a later one. Waits for as long as the
    /// connection is broken.
    ///
    /// - Parameter bytes: at most 65,536; none: there is no such place any more.
    /// - Throws: `MartletError` when there are more, or the server does not take it;
    ///   `CancellationError` when the handler should stop.
    public func checkpoint(_ bytes: Data) async throws {
        try Task.checkCancellation()
        guard bytes.count <= Limits.checkpointBytesMax else {
            throw MartletError(
                .optionInvalid,
                "the checkpoint has \(bytes.count) bytes, the limit is \(Limits.checkpointBytesMax)",
                limit: UInt64(Limits.checkpointBytesMax), actual: UInt64(bytes.count))
        }
        try await running.checkpoints.wait(for: keep(bytes))
    }

    /// What a command says of its job. A checkpoint that is too long is left out.
    func obey(_ line: ControlLine) {
        switch line {
        case .progress(let fraction, let message):
            tell(fraction, message)
        case .log(let text):
            log(text)
        case .checkpoint(let bytes) where bytes.count <= Limits.checkpointBytesMax:
            _ = keep(bytes)
        case .checkpoint(let bytes):
            logger.warning(
                "a checkpoint is too long",
                metadata: ["bytes": "\(bytes.count)", "limit": "\(Limits.checkpointBytesMax)"])
        }
    }

    /// - Returns: the checkpoint's number.
    private func keep(_ bytes: Data) -> UInt64 {
        let number = running.checkpoints.makeNumber()
        running.report(.checkpoint(Checkpoint(number: number, bytes: ByteBuffer(bytes: bytes))))
        return number
    }

    private func tell(_ fraction: Double, _ message: String) {
        let share = fraction.isNaN ? 0 : min(max(fraction, 0), 1)
        let done = UInt16((share * Double(Limits.progressDoneMax)).rounded())
        running.report(.progress(JobProgress(done: done, message: message)))
    }
}
