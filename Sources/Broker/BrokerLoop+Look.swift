import Engine
import Logging
import MartletWire
import NIOCore
import Store

// What people and submitters ask.

extension BrokerLoop {
    func get(_ message: Get, _ request: Request, _ rows: borrowing Transaction) throws {
        let parts = message.parts
        let job = try job(
            message.id, withPayload: parts.contains(.payload), withResult: parts.contains(.result),
            rows)
        replyAtLength(job, to: request)
    }

    private func job(
        _ id: JobID, withPayload: Bool, withResult: Bool, _ rows: borrowing Transaction
    ) throws -> JobInfo {
        try reading(id) {
            let found = try engine.inspect(
                id.rawValue, withPayload: withPayload, withResult: withResult, rows)
            guard let found else { throw WireError.jobNotFound(id) }
            var job = JobInfo(found, queue: try engine.queueName(found.queueID))
            job.worker = worker(of: found.session)
            return job
        }
    }

    /// Tells whoever looks at a job when its record does not match its check value.
    func reading<Result>(_ id: JobID, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as StoreError {
            guard case .damaged = error.code else { throw error }
            logger.error("damaged record", metadata: ["what": "\(error.message)"])
            throw WireError.jobDamaged(id)
        }
    }

    /// Host and process of the worker that has a session now.
    func worker(of session: UInt64) -> String? { workers[session] }

    // MARK: Waiting

    func wait(_ message: Wait, _ request: Request, _ rows: borrowing Transaction) throws {
        let parts = message.parts
        let job = try job(
            message.id, withPayload: parts.contains(.payload), withResult: parts.contains(.result),
            rows)
        guard !job.state.isFinished else { return replyAtLength(job, to: request) }
        try checkWaits()
        waits.add(
            Waits.Wait(
                peer: request.peer, requestID: request.id, withPayload: parts.contains(.payload),
                withResult: parts.contains(.result),
                deadline: engine.now + UInt64(message.milliseconds)),
            for: message.id.rawValue)
        engine.watched.insert(message.id.rawValue)
    }

    func checkWaits() throws {
        guard waits.count + actionWaits.count >= configuration.waitsMax else { return }
        throw tooManyWaits(limit: configuration.waitsMax)
    }

    func tooManyWaits(limit: Int) -> WireError {
        WireError(
            .tooManyWaits, retryAfterMilliseconds: 1_000, limit: UInt64(limit),
            actual: UInt64(limit) + 1,
            "\(limit.grouped) waits are under way, which is the limit; try again later")
    }

    /// Answers those whose job has finished, and those who have waited long enough.
    func answerWaits(_ now: UInt64, _ rows: borrowing Transaction) throws {
        for id in engine.finishedWatched {
            engine.watched.remove(id)
            for wait in waits.take(id) {
                let request = Request(peer: wait.peer, id: wait.requestID)
                do {
                    let job = try job(
                        JobID(rawValue: id), withPayload: wait.withPayload,
                        withResult: wait.withResult, rows)
                    replyAtLength(job, to: request)
                } catch let error as WireError {
                    reply(error, to: request)
                }
            }
        }
        guard let deadline = waits.nextDeadline, deadline <= now else { return }
        waits.remove(where: { $0.deadline <= now }) { id, wait in
            let error = WireError(.waitTimeout, "job \(JobID(rawValue: id)) has not finished yet")
            reply(error, to: Request(peer: wait.peer, id: wait.requestID))
        } unwatched: {
            engine.watched.remove($0)
        }
    }

    // MARK: Logs

    func logs(_ message: Logs, _ request: Request, _ rows: borrowing Transaction) throws {
        let found = try reading(message.id) {
            try JobInspector.log(
                of: message.id.rawValue, from: message.from, limit: Int(message.limit), rows)
        }
        guard let found else { throw WireError.jobNotFound(message.id) }
        replyAtLength(MartletWire.LogPage(found), to: request)
    }
}
