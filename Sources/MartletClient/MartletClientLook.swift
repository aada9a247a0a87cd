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

    /// Why a job is where it is; above all, why it is not running.
    ///
    /// - Throws: ``MartletError/Code/jobNotFound``.
    public func explain(_ id: JobStatus.ID) async throws(MartletError) -> JobExplanation {
        JobExplanation(try await request(Explain(id: id.onTheWire), expecting: Explanation.self))
    }

    /// The lines that a job's handlers logged and that are still kept.
    ///
    /// - Parameter from: offset of the first line wanted.
    public func logs(of id: JobStatus.ID, from: UInt64 = 0) -> JobLog {
        JobLog(client: self, id: id, from: from)
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
        jobs(matching: JobQuery(queue: queue, states: states, type: type), newestFirst: newestFirst)
    }

    /// Lists jobs, page by page as the loop asks for them.
    public func jobs(matching query: JobQuery, newestFirst: Bool = true) -> JobList {
        JobList(client: self, first: query.list(newestFirst: newestFirst))
    }

    /// How many jobs match. Sees everything that this client has done before, for which it may wait
    /// some milliseconds. The server looks at each of them, some thousands at a time, unless only queue and
    /// state are said.
    public func count(matching query: JobQuery) async throws(MartletError) -> Int {
        var list = query.list()
        list.isCount = true
        var count = 0
        repeat {
            let page = try await page(of: list)
            count += Int(page.matched)
            list.cursor = page.cursor
            list.isFresh = false
        } while !list.cursor.isEmpty
        return count
    }

    /// Dead jobs, grouped by what they died of, page by page as the loop asks for them.
    ///
    /// - Parameter queue: nil: all queues.
    public func deadGroups(in queue: String? = nil) -> DeadGroups {
        DeadGroups(client: self, queue: queue)
    }

    /// Checks the server's store, part by part as the loop asks for them, while the server goes on.
    public func verify() -> Verification {
        Verification(client: self)
    }

    static func check(queue: String) throws(MartletError) {
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

    /// A page of groups of dead jobs.
    package func page(of groups: Groups) async throws(MartletError) -> GroupPage {
        if !groups.queue.isEmpty { try Self.check(queue: groups.queue) }
        return try await request(groups, expecting: GroupPage.self)
    }

    /// A page of a job's log.
    ///
    /// - Parameter limit: 1 … 1,000.
    package func logPage(
        of id: JobStatus.ID, from: UInt64, limit: UInt16 = Limits.logLimitMax
    ) async throws(MartletError) -> LogPage {
        try await request(
            Logs(id: id.onTheWire, from: from, limit: limit), expecting: LogPage.self)
    }

    /// The raw bytes of a payload or a result, inflated within the server's limit.
    package func unpack(_ payload: Payload) async throws(MartletError) -> ByteBuffer {
        let limits = try await reconnector.serverLimits(until: requestDeadline())
        let dictionary = try await dictionary(of: payload)
        return try packer.unpack(
            payload, limit: Int(limits.payloadBytesMax), with: dictionary)
    }
}
