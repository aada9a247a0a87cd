import MartletClient
import MartletWire
import NIOCore

/// What the HTTP side asks of the broker. A seam: the routes neither know nor care how it is reached.
protocol JobServer: Sendable {
    /// The largest payload that the broker takes, in bytes.
    var payloadBytesMax: Int { get async throws(MartletError) }

    /// Submits payloads, at most `Limits.batchMax`, in one frame.
    ///
    /// - Returns: what became of each, in order.
    /// - Throws: when nothing is known of any: the broker could not be reached in time, or refused them as a whole.
    func submit(
        _ payloads: [ByteBuffer], to destination: Destination
    ) async throws(MartletError) -> [Result<JobStatus.ID, MartletError>]

    /// A job as it is now.
    func job(_ id: JobStatus.ID, parts: JobParts) async throws(MartletError) -> JobInfo

    /// A job once it is finished; `waitTimeout` when it is not within `time`.
    func finishedJob(
        _ id: JobStatus.ID, parts: JobParts, within time: Duration
    ) async throws(MartletError) -> JobInfo

    func queues() async throws(MartletError) -> [QueueStatus]

    /// A payload's bytes as they were before compression, at most `payloadBytesMax`.
    func inflate(_ payload: Payload) async throws(MartletError) -> ByteBuffer
}

/// What jobs must have in common to travel in one frame.
struct Destination: Sendable {
    var queue: String
    var type: String
    var durability: Durability
    var options: SubmitOptions
}

extension Destination: Hashable {
    /// Options are rarely said and rarely differ: equality looks at them, they need not spread the hash.
    func hash(into hasher: inout Hasher) {
        hasher.combine(queue)
        hasher.combine(type)
    }
}
