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
        _ payloads: [ByteBuffer], to destination: Destination, isAtomic: Bool
    ) async throws(MartletError) -> [Result<PushedJob, MartletError>] {
        let limit = try await payloadBytesMax
        var results: [Result<PushedJob, MartletError>?] = []
        var good: [ByteBuffer] = []
        for payload in payloads {
            do throws(MartletError) {
                try PayloadPacker.check(payload, limit: limit)
                good.append(payload)
                results.append(nil)
            } catch {
                if isAtomic { throw error }
                results.append(.failure(error))
            }
        }
        var answers = try await submitTogether(good, to: destination, isAtomic: isAtomic)[...]
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

    func inflate(_ payload: Payload) async throws(MartletError) -> ByteBuffer {
        try await client.unpack(payload)
    }

    private func submitTogether(
        _ payloads: [ByteBuffer], to destination: Destination, isAtomic: Bool
    ) async throws(MartletError) -> [Result<PushedJob, MartletError>] {
        guard !payloads.isEmpty else { return [] }
        return try await client.submitTogether(
            payloads,
            Submit(
                queue: destination.queue, type: destination.type,
                durability: destination.durability, isAtomic: isAtomic, items: [],
                options: destination.options))
    }
}

// MARK: Looking

extension BrokerJobServer {
    func explanation(of id: JobStatus.ID) async throws(MartletError) -> JobExplanation {
        try await client.explain(id)
    }

    func log(
        of id: JobStatus.ID, from: UInt64, limit: UInt16
    ) async throws(MartletError) -> LogPage {
        try await client.logPage(of: id, from: from, limit: limit)
    }

    func page(of list: List) async throws(MartletError) -> JobPage {
        try await client.page(of: list)
    }

    func page(of groups: Groups) async throws(MartletError) -> GroupPage {
        try await client.page(of: groups)
    }

    func count(matching query: JobQuery) async throws(MartletError) -> Int {
        try await client.count(matching: query)
    }

    func lastEventOffset() async throws(MartletError) -> UInt64 {
        try await client.lastEventOffset()
    }

    func events(
        matching filter: EventFilter, after: UInt64, endsWithJob: Bool
    ) -> any AsyncSequence<JobEvents.Event, MartletError> & Sendable {
        client.events(matching: filter, after: after, endsWithJob: endsWithJob)
    }
}

// MARK: Changing

extension BrokerJobServer {
    func act(
        _ change: JobChange, on id: JobStatus.ID
    ) async throws(MartletError) -> JobStatus.State? {
        try await client.act(change, on: CollectionOfOne(id))[0].outcome.get()
    }

    func edit(
        _ id: JobStatus.ID, options: JobOptions, removing: JobLabels, payload: ByteBuffer?
    ) async throws(MartletError) {
        try await client.edit(id, options: options, removing: removing, payload: payload)
    }

    func actOnAll(
        _ change: JobChange, matching query: JobQuery, rate: Int?
    ) async throws(MartletError) -> ActionInfo {
        let action = try await client.actOnAll(change, matching: query, rate: rate)
        return try await self.action(ActionGet(action: action.id))
    }

    func action(_ request: ActionGet) async throws(MartletError) -> ActionInfo {
        try await client.request(request, expecting: ActionInfo.self)
    }
}

// MARK: Queues

extension BrokerJobServer {
    func queues() async throws(MartletError) -> [QueueStatus] {
        try await client.queues()
    }

    func queue(_ name: String) async throws(MartletError) -> QueueStatus {
        try await client.queue(name)
    }

    func times(in queue: String) async throws(MartletError) -> [QueueTimes] {
        try await client.times(in: queue)
    }

    func configureQueue(_ name: String, _ options: QueueOptions) async throws(MartletError) {
        try await client.configureQueue(name, options)
    }

    func pauseQueue(_ name: String, by: String, reason: String) async throws(MartletError) {
        try await client.pauseQueue(name, by: by, reason: reason)
    }

    func resumeQueue(_ name: String) async throws(MartletError) {
        try await client.resumeQueue(name)
    }

    func drainQueue(_ name: String, _ drains: Bool) async throws(MartletError) {
        try await client.drainQueue(name, drains)
    }

    func deleteQueue(_ name: String, withJobs: Bool) async throws(MartletError) {
        try await client.deleteQueue(name, withJobs: withJobs)
    }
}
