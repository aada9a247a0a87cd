package import Store

/// Why a job is where it is: what the rows know of it. Who subscribes, and with what credit, the
/// broker adds. Instants are milliseconds since 1970, 0 for none.
package struct Explanation: Sendable, Equatable {
    /// Who has a running job.
    package struct Holder: Sendable, Equatable {
        package var session: UInt64
        package var startedAt: UInt64
        package var leaseEnds: UInt64
        /// When the grace of its session ends, whose connection broke; 0 while it is connected.
        package var graceEnds: UInt64
    }

    /// A cancel that waits for the end of the attempt.
    package struct Cancelling: Sendable, Equatable {
        package var requestedAt: UInt64
        package var graceEnds: UInt64
        package var reason: String
    }

    package var id: UInt64
    package var state: JobState
    package var queue: QueueIndex
    package var type: String
    package var createdAt: UInt64
    /// When a scheduled job becomes ready.
    package var dueAt: UInt64
    package var failures: UInt16
    /// The last error; or why the job was cancelled.
    package var detail: String?
    package var pause: QueueSettings.Pause?
    /// Of a ready job: jobs that are delivered before it, and whether that is exact.
    package var ahead: UInt64 = 0
    package var isAheadExact = true
    package var holder: Holder?
    package var cancelling: Cancelling?
    package var finishedAt: UInt64
    package var vanishesAt: UInt64
}

extension Engine {
    /// Runs counted to tell a job's place in line; behind that many the rest is a guess.
    private static let runsCountedMax = 10_000

    /// - Returns: nil when there is no such job.
    /// - Throws: `StoreError.damaged` when its record does not match its check value.
    package func explain(
        _ id: UInt64, _ rows: borrowing Transaction
    ) throws -> Explanation? {
        guard let job = try inspect(id, withPayload: false, withResult: false, rows) else {
            return nil
        }
        let queue = try index(ofQueue: job.queueID)
        var explanation = Explanation(job, QueueIndex(value: queue))
        explanation.pause = queues[queue].row.settings?.pause
        if job.state == .running {
            explanation.holder = Explanation.Holder(
                session: job.session, startedAt: job.startedAt, leaseEnds: job.leaseEnds,
                graceEnds: sessions[job.session]?.graceEnds ?? 0)
        }
        if job.state == .ready {
            try writePlaces(rows)
            (explanation.ahead, explanation.isAheadExact) = try jobsAhead(
                of: id, order: 255 - job.priority, queue, rows)
        }
        return explanation
    }

    /// Jobs of the queue that are delivered before a ready one.
    private func jobsAhead(
        of id: UInt64, order: UInt8, _ queue: Int, _ rows: borrowing Transaction
    ) throws -> (jobs: UInt64, isExact: Bool) {
        let isLIFO = queues[queue].row.settings?.order == .lifo
        let queueID = queues[queue].id
        var ahead: UInt64 = 0
        var runs = 0
        let start = IndexPlace(queueID, .ready).key(0)
        try rows.scan(Tables.index, from: start) { key, row in
            guard try key.u32() == queueID, try key.u8() == JobState.ready.rawValue else {
                return .stop
            }
            let runOrder = try key.u8()
            let run = JobRun(first: try key.u64(), count: try row.u32())
            runs += 1
            guard runOrder <= order, runs <= Engine.runsCountedMax else { return .stop }
            if runOrder < order {
                ahead += UInt64(run.count)
            } else if isLIFO {
                ahead += run.end > id + 1 ? run.end - max(run.first, id + 1) : 0
            } else {
                guard run.first < id else { return .stop }
                ahead += min(run.end, isPlanted(.lineCountsTheJobItself) ? id + 1 : id) - run.first
            }
            return .next
        }
        return (ahead, runs <= Engine.runsCountedMax)
    }
}

extension Explanation {
    init(_ job: JobInspection, _ queue: QueueIndex) {
        id = job.id
        state = job.state
        self.queue = queue
        type = job.type
        createdAt = job.createdAt
        dueAt = job.dueAt
        failures = job.failures
        detail = job.state == .cancelled ? job.cancel?.reason : job.error
        finishedAt = job.finishedAt
        vanishesAt = job.vanishesAt
        if let cancel = job.cancel, cancel.graceEnds > 0 {
            cancelling = Cancelling(
                requestedAt: cancel.requestedAt, graceEnds: cancel.graceEnds, reason: cancel.reason)
        }
    }
}
