package import Store

/// Who is to get jobs, and how many.
package struct DeliveryRequest {
    package var session: UInt64
    package var subscription: UInt32
    package var jobsMax: Int
    /// Payload bytes, as carried; the first job is delivered whatever its size when `mayExceed`.
    package var bytesMax: Int
    package var mayExceed: Bool
    package var leaseMilliseconds: UInt64

    package init(
        session: UInt64, subscription: UInt32, jobsMax: Int, bytesMax: Int, mayExceed: Bool,
        leaseMilliseconds: UInt64
    ) {
        self.session = session
        self.subscription = subscription
        self.jobsMax = jobsMax
        self.bytesMax = bytesMax
        self.mayExceed = mayExceed
        self.leaseMilliseconds = leaseMilliseconds
    }
}

/// One delivered job. Pointers are valid during the call.
package struct DeliveredJob {
    package var id: UInt64
    package var type: UnsafeRawBufferPointer
    package var failures: UInt16
    package var crashes: UInt16
    package var interruptions: UInt16
    package var maxAttempts: UInt16
    package var createdAt: UInt64
    package var payload: StoredPayload
}

/// What a delivery came to.
package struct DeliveryOutcome {
    package var token: UInt64
    package var jobs: Int
    package var bytes: Int
    /// Ready jobs are left that did not fit the request.
    package var isCutShort: Bool
}

extension Engine {
    /// The token that the next delivery will have.
    package var nextToken: UInt64 { counters.nextToken }

    /// Leases ready jobs of a queue, oldest first, and hands each to `body`. All of them share a lease
    /// token and a lease row.
    package func deliver(
        _ request: DeliveryRequest, from queue: QueueIndex, _ rows: borrowing Transaction,
        _ body: (DeliveredJob) throws -> Void
    ) throws -> DeliveryOutcome {
        var outcome = DeliveryOutcome(
            token: counters.nextToken, jobs: 0, bytes: 0, isCutShort: false)
        var lease: OpenLease?
        while outcome.jobs < request.jobsMax, !outcome.isCutShort {
            let wanted = UInt32(clamping: request.jobsMax - outcome.jobs)
            let taken = try mending(rows) { try queues[queue.value].ready.take(wanted, rows) }
            guard let run = taken else { break }
            touch(queue.value)
            let rest = try deliver(run.jobs, request, queue.value, rows, &outcome, &lease, body)
            let left = ReadyRuns.Run(order: run.order, jobs: rest)
            queues[queue.value].ready.putBack(left)
            outcome.isCutShort = rest.count > 0
        }
        if let lease { try create(lease, rows) }
        if outcome.jobs > 0 { counters.nextToken += 1 }
        return outcome
    }

    /// Delivers jobs of one run; returns those that did not fit.
    private func deliver(
        _ run: JobRun, _ request: DeliveryRequest, _ queue: Int, _ rows: borrowing Transaction,
        _ outcome: inout DeliveryOutcome, _ lease: inout OpenLease?,
        _ body: (DeliveredJob) throws -> Void
    ) throws -> JobRun {
        var next = run.first
        while next < run.end {
            let (reached, damage) = try readJobs(from: next, to: run.end, rows) { id, row in
                let fits = outcome.bytes + Int(row.payloadBytes) <= request.bytesMax
                guard fits || (request.mayExceed && outcome.jobs == 0) else { return false }
                try hand(row, id, rows, body)
                outcome.jobs += 1
                outcome.bytes += Int(row.payloadBytes)
                return true
            }
            try add(next..<reached, to: &lease, request, queue, outcome.token, rows)
            next = reached
            guard let damage else { break }
            count(queue) { $0.ready.lower() }
            try setAside(next, damage, rows)
            next += 1
        }
        return JobRun(first: next, count: UInt32(run.end - next))
    }

    /// Reads the rows of consecutive jobs until `body` says no.
    /// - Returns: the first id that was not read, and what is wrong with its record, if anything is.
    private func readJobs(
        from first: UInt64, to end: UInt64, _ rows: borrowing Transaction,
        _ body: (UInt64, JobRow) throws -> Bool
    ) throws -> (reached: UInt64, damage: StoreError?) {
        var reached = first
        var isRefused = false
        do {
            try rows.scan(Tables.jobs, from: .job(first), to: .job(end)) { key, reader in
                guard try key.u64() == reached else { return .stop }
                isRefused = try !body(reached, try JobRow(from: &reader))
                guard !isRefused else { return .stop }
                reached += 1
                return .next
            }
        } catch let error as StoreError {
            guard case .damaged = error.code else { throw error }
            return (reached, error)
        }
        guard reached < end, !isRefused else { return (reached, nil) }
        let what = "ready job \(reached) has no row"
        return (reached, nonsense(Tables.jobs, .job(reached), what))
    }

    private func hand(
        _ row: JobRow, _ id: UInt64, _ rows: borrowing Transaction,
        _ body: (DeliveredJob) throws -> Void
    ) throws {
        var job = DeliveredJob(
            id: id, type: row.type, failures: row.failures, crashes: row.crashes,
            interruptions: row.interruptions, maxAttempts: row.maxAttempts,
            createdAt: row.createdAt, payload: row.payload)
        guard row.payloadPlace == .pieces else { return try body(job) }
        let pieces = try Pieces(row.payloadBytes, of: id, .payload, rows)
        job.payload.bytes = pieces.bytes
        try body(job)
        extendLifetime(pieces)
    }

    // MARK: The lease

    /// A lease row that is being put together.
    private struct OpenLease {
        var key: LeaseKey
        var row: LeaseRow

        func spans(_ id: UInt64) -> Bool {
            id >= key.first && id - key.first < EngineLimits.leaseSpanMax
        }
    }

    private func add(
        _ ids: Range<UInt64>, to lease: inout OpenLease?, _ request: DeliveryRequest, _ queue: Int,
        _ token: UInt64, _ rows: borrowing Transaction
    ) throws {
        count(queue) {
            $0.ready.lower(by: UInt64(ids.count))
            $0.running += UInt64(ids.count)
        }
        for id in ids {
            if let open = lease, !open.spans(id) {
                try create(open, rows)
                lease = nil
            }
            if lease == nil {
                let row = LeaseRow(
                    session: request.session, subscription: request.subscription,
                    queue: queues[queue].id, startedAt: stamp.now,
                    deadline: stamp.now + request.leaseMilliseconds)
                lease = OpenLease(key: LeaseKey(first: id, token: token), row: row)
            }
            if let first = lease?.key.first { lease?.row.jobs.insert(id - first) }
        }
    }

    private func create(_ lease: OpenLease, _ rows: borrowing Transaction) throws {
        try rows.put(Tables.leases, lease.key.key) { lease.row.write(to: &$0) }
        try lease.row.timer(lease.key).set(rows)
    }
}
