import Engine
import MartletWire
import NIOCore
import Store

// Queues as wholes: what is set, and what is counted.

extension BrokerLoop {
    /// - Throws: `QUEUE_NAME_INVALID`, `QUEUE_NOT_FOUND`.
    func known(queue name: String) throws -> QueueIndex {
        try Names.check(queue: name)
        guard let queue = engine.knownQueue(named: name) else {
            throw WireError.queueNotFound(name)
        }
        return queue
    }

    func queueSet(_ message: QueueSet, _ request: Request, _ rows: borrowing Transaction) throws {
        guard let queue = engine.queue(named: message.queue) else { throw tooManyQueues() }
        var settings = engine.settings(of: queue)
        settings.change(message.settings)
        try engine.set(settings, of: queue, rows)
        if let pause = message.pause {
            try engine.pause(queue, by: pause.by, reason: pause.reason, rows)
        }
        if message.resumes { try engine.resume(queue, rows) }
        if let drains = message.drains { try engine.setDraining(queue, drains, rows) }
        reply(Done(), to: request)
    }

    func queueDelete(
        _ message: QueueDelete, _ request: Request, _ rows: borrowing Transaction
    ) throws {
        let queue = try known(queue: message.queue)
        let jobs = try engine.deleteQueue(queue, force: message.withJobs, rows)
        guard jobs == 0 else { throw WireError.queueNotEmpty(message.queue, jobs: jobs) }
        reply(Done(), to: request)
    }

    func queues(_ message: Queues, _ request: Request, _ rows: borrowing Transaction) throws {
        if !message.queue.isEmpty {
            let queue = try known(queue: message.queue)
            return reply(QueuePage(queues: [try info(queue, rows)]), to: request)
        }
        let first = try message.cursorPlace()
        let rest = engine.allQueues.drop { $0.value < first }
        let all = rest.prefix(Limits.queuesPerPage)
        let next = all.count < rest.count ? all.last.map { $0.value + 1 } : nil
        let page = QueuePage(
            queues: try all.map { try info($0, rows) },
            cursor: next.map { Array(String($0).utf8) } ?? [])
        replyAtLength(page, to: request)
    }

    private func info(_ queue: QueueIndex, _ rows: borrowing Transaction) throws -> QueueInfo {
        QueueInfo(
            try engine.statistics(queue, rows), subscribers: dispatcher.subscriberCount(queue))
    }

    func times(_ message: Times, _ request: Request) throws {
        let queue = try known(queue: message.queue)
        replyAtLength(
            TimesPage(types: engine.times(of: queue).map { TypeTimes($0) }), to: request)
    }
}

extension Queues {
    /// The cursor is the place of the first queue of the page.
    fileprivate func cursorPlace() throws -> Int {
        guard !cursor.isEmpty else { return 0 }
        guard let place = Int(String(decoding: cursor, as: UTF8.self)), place > 0 else {
            throw WireError.cursorInvalid()
        }
        return place
    }
}

extension EngineSettings {
    /// Takes over what is said.
    fileprivate mutating func change(_ settings: MartletWire.QueueSettings) {
        if let depthMax = settings.depthMax { self.depthMax = depthMax }
        if let bytesMax = settings.bytesMax { self.bytesMax = bytesMax }
        switch settings.order {
        case .firstInFirstOut: order = .fifo
        case .lastInFirstOut: order = .lifo
        case nil: break
        }
        if let defaults = settings.defaults { self.defaults = JobOptions(defaults.fields) }
    }
}

extension MartletWire.QueueSettings {
    fileprivate init(_ settings: EngineSettings) {
        self.init(
            depthMax: settings.depthMax > 0 ? settings.depthMax : nil,
            bytesMax: settings.bytesMax > 0 ? settings.bytesMax : nil,
            order: settings.order == .lifo ? .lastInFirstOut : nil)
        let defaults = SubmitOptions(SubmitOptions.Fields(settings.defaults))
        if !defaults.isEmpty { self.defaults = defaults }
    }
}

extension QueueInfo {
    fileprivate init(_ row: QueueStatistics, subscribers: UInt32) {
        self.init(
            name: row.name, ready: row.ready, running: row.running, scheduled: row.scheduled,
            held: row.held, dead: row.dead, completed: row.totals.completed,
            retained: row.retained, oldestReadyAt: row.oldestReady, subscribers: subscribers)
        cancelled = row.cancelled
        expired = row.expired
        totals = Totals(
            submitted: row.totals.submitted, died: row.totals.died,
            cancelled: row.totals.cancelled, expired: row.totals.expired)
        rates = Rates(
            submitted: row.lastMinute.submitted, completed: row.lastMinute.completed,
            failed: row.lastMinute.failed)
        waitingBytes = row.waitingBytes
        payloads = PayloadBytes(raw: row.totals.rawBytes, carried: row.totals.bytes)
        paused = row.settings.pause.map {
            Paused(since: $0.since, by: $0.by, reason: $0.reason)
        }
        drainingSince = row.settings.drainingSince > 0 ? row.settings.drainingSince : nil
        settings = MartletWire.QueueSettings(row.settings)
    }
}

extension TypeTimes {
    fileprivate init(_ times: JobTimes) {
        self.init(
            type: times.type, wait: TimeHistogram(times.wait), run: TimeHistogram(times.run),
            total: TimeHistogram(times.total))
    }
}

extension TimeHistogram {
    fileprivate init(_ histogram: Histogram) {
        self.init(
            count: histogram.count, sumMilliseconds: histogram.sum, buckets: histogram.steps)
    }
}
