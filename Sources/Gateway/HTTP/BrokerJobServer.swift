import MartletClient
import MartletWire
import NIOCore

/// The broker as the HTTP side's job server, through the gateway's own client: it reconnects, repeats what a broken
/// connection left unanswered, and has it accepted once.
struct BrokerJobServer: JobServer {
    let client: MartletClient

    var payloadBytesMax: Int {
        get async throws(MartletError) { Int(try await client.serverLimits().payloadBytesMax) }
    }

    /// Compresses here, on the caller's thread, and never on an event loop.
    func submit(
        _ payloads: [ByteBuffer], to destination: Destination
    ) async throws(MartletError) -> [Result<JobStatus.ID, MartletError>] {
        let limit = try await payloadBytesMax
        var results: [Result<JobStatus.ID, MartletError>?] = []
        var items: [SubmitItem] = []
        for payload in payloads {
            do throws(MartletError) {
                items.append(SubmitItem(payload: try client.packer.pack(payload, limit: limit)))
                results.append(nil)
            } catch {
                results.append(.failure(error))
            }
        }
        var answers = try await submit(items, to: destination)[...]
        return results.map { $0 ?? answers.removeFirst() }
    }

    func job(_ id: JobStatus.ID, parts: JobParts) async throws(MartletError) -> JobInfo {
        try await client.info(of: id, parts: parts)
    }

    func finishedJob(
        _ id: JobStatus.ID, parts: JobParts, within time: Duration
    ) async throws(MartletError) -> JobInfo {
        try await client.finishedInfo(of: id, parts: parts, timeout: time)
    }

    func queues() async throws(MartletError) -> [QueueStatus] {
        try await client.queues()
    }

    func inflate(_ payload: Payload) async throws(MartletError) -> ByteBuffer {
        try await client.unpack(payload)
    }

    private func submit(
        _ items: [SubmitItem], to destination: Destination
    ) async throws(MartletError) -> [Result<JobStatus.ID, MartletError>] {
        guard !items.isEmpty else { return [] }
        return try await client.submit(
            Submit(
                queue: destination.queue, type: destination.type,
                durability: destination.durability,
                items: items, options: destination.options))
    }
}
