public import Foundation
import MartletWire
public import NIOCore

extension MartletClient {
    /// Cancels a job: at once when it waits; a running one's handler is told, and has the grace to
    /// stop.
    ///
    /// - Parameter grace: up to 1 day; nil: 10 seconds.
    /// - Returns: the state in which the job is now: `running` while its handler has the grace.
    /// - Throws: ``MartletError/Code/jobFinished`` when it is too late.
    @discardableResult
    public func cancel(
        _ id: JobStatus.ID, reason: String = "", grace: Duration? = nil
    ) async throws(MartletError) -> JobStatus.State {
        let state = try await act(.cancel(reason: reason, grace: grace), on: id)
        return state ?? .cancelled
    }

    /// Cancels jobs; each has its own answer.
    public func cancel(
        _ ids: some Collection<JobStatus.ID>, reason: String = "", grace: Duration? = nil
    ) async throws(MartletError) -> [ChangeResult] {
        try await act(.cancel(reason: reason, grace: grace), on: ids)
    }

    /// Makes a dead, cancelled, expired or scheduled job ready again.
    ///
    /// - Parameters:
    ///   - keepingCounters: failures, crashes and interruptions go on counting; else they begin
    ///     with 0.
    ///   - at: not before.
    /// - Throws: ``MartletError/Code/jobState`` when it runs or is completed;
    ///   ``MartletError/Code/outcomeUnknown``.
    public func retry(
        _ id: JobStatus.ID, keepingCounters: Bool = false, at: Date? = nil
    ) async throws(MartletError) {
        try await act(.retry(keepingCounters: keepingCounters, at: at), on: id)
    }

    /// Makes jobs ready again as ``retry(_:keepingCounters:at:)-(JobStatus.ID,_,_)`` does; each has
    /// its own answer.
    public func retry(
        _ ids: some Collection<JobStatus.ID>, keepingCounters: Bool = false, at: Date? = nil
    ) async throws(MartletError) -> [ChangeResult] {
        try await act(.retry(keepingCounters: keepingCounters, at: at), on: ids)
    }

    /// Deletes a finished job.
    ///
    /// - Throws: ``MartletError/Code/jobState`` when it is not finished.
    public func delete(_ id: JobStatus.ID) async throws(MartletError) {
        try await act(.delete, on: id)
    }

    /// Deletes finished jobs; each has its own answer.
    public func delete(
        _ ids: some Collection<JobStatus.ID>
    ) async throws(MartletError) -> [ChangeResult] {
        try await act(.delete, on: ids)
    }

    /// Changes the priority of waiting or dead jobs; each has its own answer.
    public func reprioritise(
        _ ids: some Collection<JobStatus.ID>, to priority: UInt8
    ) async throws(MartletError) -> [ChangeResult] {
        try await act(.reprioritise(priority), on: ids)
    }

    /// Does one thing to some jobs; each has its own answer, in the order of the ids.
    ///
    /// They travel in messages of as many as the server takes. When this throws, those before may
    /// have been changed.
    ///
    /// - Throws: ``MartletError/Code/outcomeUnknown`` for ``JobChange/retry(keepingCounters:at:)``
    ///   when the connection broke before the answer; everything else may be said twice, and is.
    public func act(
        _ change: JobChange, on ids: some Collection<JobStatus.ID>
    ) async throws(MartletError) -> [ChangeResult] {
        let options = try change.options(rate: nil)
        let batchMax = try await Int(serverLimits().batchMax)
        var results: [ChangeResult] = []
        results.reserveCapacity(ids.count)
        var rest = ids[...]
        while !rest.isEmpty {
            let batch = Array(rest.prefix(batchMax))
            rest = rest.dropFirst(batchMax)
            results += try await carryOut(
                Act(change.onTheWire, ids: batch.map(\.onTheWire), options: options), on: batch)
        }
        return results
    }

    /// Changes a waiting or dead job.
    ///
    /// - Parameters:
    ///   - options: those of time, priority, tags and headers; others are refused. What is nil or
    ///     empty stays as it is.
    ///   - removing: of tags and headers, what is taken away where the options name no others.
    ///   - payload: takes the place of the old one.
    /// - Throws: ``MartletError/Code/jobState`` when it runs or is finished otherwise.
    public func edit(
        _ id: JobStatus.ID, options: JobOptions = JobOptions(), removing: JobLabels = [],
        payload: ByteBuffer? = nil
    ) async throws(MartletError) {
        let options = try options.onTheWire(removing: removing)
        if let refusal = options.editRefusal { throw MartletError(refusal) }
        var message = Edit(id: id.onTheWire, options: options)
        if let payload {
            let limits = try await serverLimits()
            message.payload = try packer.pack(payload, limit: Int(limits.payloadBytesMax))
        }
        _ = try await request(message, expecting: Done.self)
    }

    /// Changes a waiting or dead job's parameters, and options as
    /// ``edit(_:options:removing:payload:)`` does.
    public func edit<J: Job>(
        _ id: JobStatus.ID, to job: J, options: JobOptions = JobOptions(), removing: JobLabels = []
    ) async throws(MartletError) {
        try await edit(id, options: options, removing: removing, payload: try job.payload())
    }

    /// Does one thing to all jobs that match and were pushed before now. The server carries it out
    /// in bounded steps, whether this program goes on or not.
    ///
    /// - Parameters:
    ///   - query: without states: all jobs that the change is for. ``count(matching:)`` says
    ///     beforehand how many.
    ///   - rate: jobs a second, 1 … 1,000,000; nil: as fast as it goes.
    /// - Throws: ``MartletError/Code/outcomeUnknown`` when the connection broke before the answer.
    public func actOnAll(
        _ change: JobChange, matching query: JobQuery, rate: Int? = nil
    ) async throws(MartletError) -> BulkAction {
        if let queue = query.queue { try Self.check(queue: queue) }
        let message = ActAll(
            change.onTheWire, queue: query.queue ?? "", states: JobStates(query.states),
            filter: query.filter, options: try change.options(rate: rate))
        let info = try await reconnector.requestOnce(
            message, expecting: ActionInfo.self, until: requestDeadline())
        return BulkAction(id: info.id, client: self)
    }

    /// A bulk action that was begun before.
    public func bulkAction(_ id: UInt64) -> BulkAction {
        BulkAction(id: id, client: self)
    }
}

extension MartletClient {
    @discardableResult
    private func act(
        _ change: JobChange, on id: JobStatus.ID
    ) async throws(MartletError) -> JobStatus.State? {
        try await act(change, on: CollectionOfOne(id))[0].outcome.get()
    }

    private func carryOut(
        _ message: Act, on ids: [JobStatus.ID]
    ) async throws(MartletError) -> [ChangeResult] {
        let deadline = requestDeadline()
        var answer: (reply: Acted, isRepeated: Bool)
        if message.action == .retry {
            let reply = try await reconnector.requestOnce(
                message, expecting: Acted.self, until: deadline)
            answer = (reply, false)
        } else {
            answer = try await reconnector.requestAgain(
                message, expecting: Acted.self, until: deadline)
        }
        let results = answer.reply.results
        guard results.count == ids.count else {
            throw MartletError(
                .protocolViolation, "the server answered for another number of jobs than were named"
            )
        }
        let deletes = message.action == .delete || message.action == .purge
        return zip(ids, results).map { id, result in
            // The first one deleted it, and only its answer was lost.
            if answer.isRepeated, deletes, case .failure(let error) = result,
                error.code == .jobNotFound
            {
                return ChangeResult(id: id, outcome: .success(nil))
            }
            return ChangeResult(id: id, result)
        }
    }
}
