public import Foundation
public import Logging
public import MartletClient
import MartletWire
import NIOCore

/// What a handler may know about the job that it runs, and say about it.
public struct JobContext: Sendable {
    public let id: JobStatus.ID
    public let queue: String
    public let type: String
    /// This attempt's number, beginning with 1: the sum of the three counters, and one.
    public let attempt: Int
    /// Earlier attempts in which the handler said no.
    public let failures: Int
    /// Earlier attempts that ended because the worker vanished or its lease ended.
    public let crashes: Int
    /// Earlier attempts that a worker gave back unspent.
    public let interruptions: Int
    /// What the job was pushed with beside its parameters, such as `traceparent`.
    public let headers: [String: String]
    public let tags: [String]
    /// The last checkpoint of an earlier attempt; nil when there is none.
    public let checkpoint: Data?
    /// Greater than that of any earlier delivery of this job. Store it beside what the handler
    /// writes elsewhere, and refuse writes with a smaller one, so that a handler whose lease was
    /// lost can't overwrite its successor's work.
    public let leaseToken: UInt64
    /// When the handler will be cancelled for taking too long; nil: never.
    public let deadline: ContinuousClock.Instant?
    /// Longest result that the server takes.
    public let resultBytesMax: Int
    /// Carries the job's id, type and attempt. It is made when it is asked for: keep it where much is logged.
    public var logger: Logger {
        var logger = workerLogger
        logger[metadataKey: "job"] = .stringConvertible(id)
        logger[metadataKey: "type"] = .string(type)
        logger[metadataKey: "attempt"] = .stringConvertible(attempt)
        return logger
    }

    private let workerLogger: Logger
    private let control: JobControl
    private let report: @Sendable (Note) -> Void

    init(
        _ job: DeliveredJob, deadline: ContinuousClock.Instant?, resultBytesMax: Int,
        control: JobControl,
        logger: Logger, report: @escaping @Sendable (Note) -> Void
    ) {
        id = JobStatus.ID(job.key.id)
        queue = job.queue
        type = job.type
        attempt = job.fields.attempt
        failures = Int(job.fields.failures)
        crashes = Int(job.fields.crashes)
        interruptions = Int(job.fields.interruptions)
        headers = Dictionary(job.options.headers?.list ?? [], uniquingKeysWith: { $1 })
        tags = job.options.tags?.list ?? []
        checkpoint = job.options.checkpoint.map { Data($0.readableBytesView) }
        leaseToken = job.key.token
        self.deadline = deadline
        self.resultBytesMax = resultBytesMax
        self.control = control
        self.report = report
        workerLogger = logger
    }

    /// Why the handler's task was cancelled; nil while it is not.
    public var cancellationReason: CancellationReason? { control.reason }

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
        report(.log(lines.map { String($0).truncated(toUTF8Bytes: Limits.logLineBytesMax) }))
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
        try await control.checkpoints.wait(for: keep(bytes))
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
        let number = control.checkpoints.makeNumber()
        report(.checkpoint(Checkpoint(number: number, bytes: ByteBuffer(bytes: bytes))))
        return number
    }

    private func tell(_ fraction: Double, _ message: String) {
        let share = fraction.isNaN ? 0 : min(max(fraction, 0), 1)
        let done = UInt16((share * Double(Limits.progressDoneMax)).rounded())
        report(.progress(JobProgress(done: done, message: message)))
    }
}
