import Foundation
import MartletClient
import MartletWire
import NIOCore

/// What the HTTP side asks of the broker. A seam: the routes neither know nor care how it is reached.
protocol JobServer: JobChanger, QueueKeeper, Sendable {
    /// The largest payload that the broker takes, in bytes.
    var payloadBytesMax: Int { get async throws(MartletError) }

    /// Submits payloads, at most `Limits.batchMax`, in one frame.
    ///
    /// - Parameter isAtomic: all of them or none.
    /// - Returns: what became of each, in order.
    /// - Throws: when nothing is known of any: the broker could not be reached in time, or refused them as a whole.
    func submit(
        _ payloads: [ByteBuffer], to destination: Destination, isAtomic: Bool
    ) async throws(MartletError) -> [Result<PushedJob, MartletError>]

    /// A job as it is now.
    func job(_ id: JobStatus.ID, parts: JobParts) async throws(MartletError) -> JobInfo

    /// A job once it is finished; `waitTimeout` when it is not within `time`.
    func finishedJob(
        _ id: JobStatus.ID, parts: JobParts, within time: Duration
    ) async throws(MartletError) -> JobInfo

    /// A payload's bytes as they were before compression, at most `payloadBytesMax`.
    func inflate(_ payload: Payload) async throws(MartletError) -> ByteBuffer

    func explanation(of id: JobStatus.ID) async throws(MartletError) -> JobExplanation
    func log(of id: JobStatus.ID, from: UInt64, limit: UInt16) async throws(MartletError) -> LogPage
    func page(of list: List) async throws(MartletError) -> JobPage
    func page(of groups: Groups) async throws(MartletError) -> GroupPage

    /// How many jobs match.
    func count(matching query: JobQuery) async throws(MartletError) -> Int

    /// Offset of the last event so far.
    func lastEventOffset() async throws(MartletError) -> UInt64

    /// What happens to jobs.
    ///
    /// - Parameters:
    ///   - after: offset of the last event seen.
    ///   - endsWithJob: the sequence ends with the filter's job.
    func events(
        matching filter: EventFilter, after: UInt64, endsWithJob: Bool
    ) -> any AsyncSequence<JobEvents.Event, MartletError> & Sendable
}

/// What changes jobs that are there.
protocol JobChanger {
    /// - Returns: the job's state then; nil when it is gone.
    @discardableResult
    func act(
        _ change: JobChange, on id: JobStatus.ID
    ) async throws(MartletError) -> JobStatus.State?

    func edit(
        _ id: JobStatus.ID, options: JobOptions, removing: JobLabels, payload: ByteBuffer?
    ) async throws(MartletError)

    /// Begins a bulk action.
    func actOnAll(
        _ change: JobChange, matching query: JobQuery, rate: Int?
    ) async throws(MartletError) -> ActionInfo

    /// How a bulk action goes, or its end.
    func action(_ request: ActionGet) async throws(MartletError) -> ActionInfo
}

/// What looks at queues, and tells them something.
protocol QueueKeeper {
    func queues() async throws(MartletError) -> [QueueStatus]
    func queue(_ name: String) async throws(MartletError) -> QueueStatus
    func times(in queue: String) async throws(MartletError) -> [QueueTimes]
    func configureQueue(_ name: String, _ options: QueueOptions) async throws(MartletError)
    func pauseQueue(_ name: String, by: String, reason: String) async throws(MartletError)
    func resumeQueue(_ name: String) async throws(MartletError)
    func drainQueue(_ name: String, _ drains: Bool) async throws(MartletError)
    func deleteQueue(_ name: String, withJobs: Bool) async throws(MartletError)
}
