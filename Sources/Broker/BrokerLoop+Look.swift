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
        do {
            let found = try engine.inspect(
                id.rawValue, withPayload: withPayload, withResult: withResult, rows)
            guard let found else { throw WireError.jobNotFound(id) }
            return JobInfo(found, queue: try engine.queueName(found.queueID))
        } catch let error as StoreError {
            guard case .damaged = error.code else { throw error }
            logger.error("damaged record", metadata: ["what": "\(error.message)"])
            throw WireError(.jobDamaged, "the record of job \(id) does not match its check value")
        }
    }

    // MARK: Waiting

    func wait(_ message: Wait, _ request: Request, _ rows: borrowing Transaction) throws {
        let parts = message.parts
        let job = try job(
            message.id, withPayload: parts.contains(.payload), withResult: parts.contains(.result),
            rows)
        guard !job.state.isFinished else { return replyAtLength(job, to: request) }
        guard waits.count < configuration.waitsMax else {
            let limit = UInt64(configuration.waitsMax)
            throw WireError(
                .tooManyWaits, retryAfterMilliseconds: 1_000, limit: limit, actual: limit + 1,
                "\(limit.grouped) waits are under way, which is the limit; try again later")
        }
        waits.add(
            Waits.Wait(
                peer: request.peer, requestID: request.id, withPayload: parts.contains(.payload),
                withResult: parts.contains(.result),
                deadline: engine.now + UInt64(message.milliseconds)),
            for: message.id.rawValue)
        engine.watched.insert(message.id.rawValue)
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

    // MARK: Lists

    /// Read from a snapshot on another thread: a list never slows the turn.
    func list(_ message: List, _ request: Request) throws {
        guard request.id != 0 else { return }
        if !message.queue.isEmpty { try Names.check(queue: message.queue) }
        let page = JobListRequest(
            queue: message.queue.isEmpty ? nil : message.queue, states: message.states.rawValue,
            type: message.filter.type, oldestFirst: message.order == .oldestFirst,
            limit: Int(message.limit),
            after: try message.cursorJob())
        let header = FrameHeader(
            length: 0, opcode: 0, channel: request.peer.channel, requestID: request.id)
        readers.list(page, from: store, replyTo: request.peer.connection.port, header)
    }

    func queues(_ message: Queues, _ request: Request, _ rows: borrowing Transaction) throws {
        if !message.queue.isEmpty {
            try Names.check(queue: message.queue)
            guard let queue = engine.knownQueue(named: message.queue) else {
                throw WireError.queueNotFound(message.queue)
            }
            return reply(QueuePage(queues: [try info(queue, rows)]), to: request)
        }
        let first = try message.cursorIndex()
        let all = engine.allQueues.dropFirst(first).prefix(Limits.queuesPerPage)
        let isLast = first + all.count >= engine.queueCount
        let page = QueuePage(
            queues: try all.map { try info($0, rows) },
            cursor: isLast ? [] : Array(String(first + all.count).utf8))
        replyAtLength(page, to: request)
    }

    private func info(_ queue: QueueIndex, _ rows: borrowing Transaction) throws -> QueueInfo {
        let row = try engine.statistics(queue, rows)
        return QueueInfo(
            name: row.name, ready: row.ready, running: row.running, scheduled: row.scheduled,
            held: row.held, dead: row.dead, completed: row.completed, retained: row.retained,
            oldestReadyAt: row.oldestReady, subscribers: dispatcher.subscriberCount(queue))
    }
}

extension List {
    /// The cursor is the id of the last job that the page before looked at.
    fileprivate func cursorJob() throws -> UInt64? {
        guard !cursor.isEmpty else { return nil }
        guard let id = JobID(String(decoding: cursor, as: UTF8.self)), id.rawValue > 0 else {
            throw cursorInvalid()
        }
        return id.rawValue
    }
}

extension Queues {
    fileprivate func cursorIndex() throws -> Int {
        guard !cursor.isEmpty else { return 0 }
        guard let index = Int(String(decoding: cursor, as: UTF8.self)), index > 0 else {
            throw cursorInvalid()
        }
        return index
    }
}

private func cursorInvalid() -> WireError {
    WireError(.cursorInvalid, "the cursor is not one that this server gave; begin without one")
}

extension JobInfo {
    init(_ job: JobInspection, queue: String) {
        self.init(
            id: JobID(rawValue: job.id), state: .init(rawValue: job.state.rawValue) ?? .ready,
            attempts: UInt16(clamping: job.attempts), failures: job.failures, crashes: job.crashes,
            interruptions: job.interruptions, maxAttempts: job.maxAttempts,
            createdAt: job.createdAt,
            dueAt: job.dueAt, startedAt: job.startedAt, finishedAt: job.finishedAt,
            payloadBytes: job.payloadBytes, queue: queue, type: job.type)
        error = job.error
        progress = job.progress.map { JobProgress(done: $0.done, message: $0.message) }
        payload = job.payload.map { Payload($0) }
        result = job.result.map { Payload($0) }
        leaseEndsAt = job.leaseEnds == 0 ? nil : job.leaseEnds
        session = job.session == 0 ? nil : job.session
    }
}

extension Payload {
    fileprivate init(_ copy: PayloadCopy) {
        self.init(
            codec: Codec(rawValue: copy.codec), rawBytes: copy.rawBytes, checksum: copy.checksum,
            bytes: ByteBuffer(bytes: copy.bytes))
    }
}
