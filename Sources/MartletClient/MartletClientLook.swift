public import Foundation
package import MartletWire
package import NIOCore

extension MartletClient {
    /// What the server knows about a job. Sees everything that this client has done before.
    ///
    /// - Throws: ``MartletError/Code/jobNotFound`` when it is unknown, or gone after its retention.
    public func status(of id: JobStatus.ID) async throws(MartletError) -> JobStatus {
        JobStatus(try await info(of: id, parts: []))
    }

    /// Waits until a job is finished, however it ends.
    ///
    /// - Parameter timeout: nil: as long as it takes.
    /// - Throws: ``MartletError/Code/waitTimeout`` when it is not finished by then.
    public func wait(for id: JobStatus.ID, timeout: Duration? = nil) async throws(MartletError)
        -> JobStatus
    {
        JobStatus(try await finishedInfo(of: id, parts: [], timeout: timeout))
    }

    /// The bytes that a job was pushed with.
    public func payload(of id: JobStatus.ID) async throws(MartletError) -> Data {
        guard let payload = try await info(of: id, parts: .payload).payload else {
            throw MartletError(.jobNotFound, "job \(id) is there, its payload is not")
        }
        return Data(try await unpack(payload).readableBytesView)
    }

    /// Lists jobs, page by page as the loop asks for them.
    ///
    /// ```swift
    /// for try await job in martlet.jobs(in: "images", states: [.dead]) {
    ///     print(job.id, job.error ?? "")
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - queue: nil: all queues.
    ///   - states: empty: all states.
    ///   - type: nil: all types.
    public func jobs(
        in queue: String? = nil, states: Set<JobStatus.State> = [], type: String? = nil,
        newestFirst: Bool = true
    ) -> JobList {
        var message = List(
            queue: queue ?? "", order: newestFirst ? .newestFirst : .oldestFirst,
            limit: Limits.listLimitMax, filter: JobFilter(type: type))
        for state in states { message.states.insert(JobStates(state.onTheWire)) }
        return JobList(client: self, first: message)
    }

    /// The queues that exist, with their counters.
    public func queues() async throws(MartletError) -> [QueueStatus] {
        var message = Queues()
        var all: [QueueStatus] = []
        repeat {
            let page = try await request(message, expecting: QueuePage.self)
            all += page.queues.map { QueueStatus($0) }
            message.cursor = page.cursor
        } while !message.cursor.isEmpty
        return all
    }

    /// One queue's counters.
    ///
    /// - Throws: ``MartletError/Code/queueNotFound``: a queue is made by its first job.
    public func queue(_ name: String) async throws(MartletError) -> QueueStatus {
        try Self.check(queue: name)
        let page = try await request(Queues(queue: name), expecting: QueuePage.self)
        guard let queue = page.queues.first else {
            throw MartletError(WireError.queueNotFound(name))
        }
        return QueueStatus(queue)
    }

    private static func check(queue: String) throws(MartletError) {
        do throws(WireError) {
            try Names.check(queue: queue)
        } catch {
            throw MartletError(error)
        }
    }
}

extension MartletClient {
    /// Sends a request that changes nothing, again when the connection breaks, until the request
    /// timeout.
    package func request<Request: Message, Reply: Message>(
        _ request: Request, expecting reply: Reply.Type
    ) async throws(MartletError) -> Reply {
        try await reconnector.request(request, expecting: reply, until: requestDeadline())
    }

    /// A job's record with the parts asked for.
    package func info(of id: JobStatus.ID, parts: JobParts) async throws(MartletError) -> JobInfo {
        try await request(Get(id: id.onTheWire, parts: parts), expecting: JobInfo.self)
    }

    /// A finished job's record; waits for its end.
    package func finishedInfo(
        of id: JobStatus.ID, parts: JobParts, timeout: Duration?
    ) async throws(MartletError) -> JobInfo {
        try await reconnector.wait(
            for: id.onTheWire, parts: parts, until: timeout.map { .now() + TimeAmount($0) })
    }

    /// A page of jobs.
    package func page(of list: List) async throws(MartletError) -> JobPage {
        if !list.queue.isEmpty { try Self.check(queue: list.queue) }
        return try await request(list, expecting: JobPage.self)
    }

    /// The raw bytes of a payload or a result, inflated within the server's limit.
    package func unpack(_ payload: Payload) async throws(MartletError) -> ByteBuffer {
        let limits = try await reconnector.serverLimits(until: requestDeadline())
        return try packer.unpack(payload, limit: Int(limits.payloadBytesMax))
    }
}
