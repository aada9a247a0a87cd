package import Store

/// Who is to get jobs, and how many.
package struct DeliveryRequest {
    package var session: UInt64
    package var subscription: UInt32
    package var jobsMax: Int
    /// Payload bytes, as carried; the first job is delivered whatever its size when `mayExceed`.
    package var bytesMax: Int
    package var mayExceed: Bool
    /// Payload bytes with which no further job is delivered, though it would fit.
    package var bytesEnough: Int
    package var leaseMilliseconds: UInt64

    package init(
        session: UInt64, subscription: UInt32, jobsMax: Int, bytesMax: Int, mayExceed: Bool,
        bytesEnough: Int = .max, leaseMilliseconds: UInt64
    ) {
        self.session = session
        self.subscription = subscription
        self.jobsMax = jobsMax
        self.bytesMax = bytesMax
        self.mayExceed = mayExceed
        self.bytesEnough = bytesEnough
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
    package var priority: UInt8
    /// Milliseconds that the attempt may run; 0: as long as its lease is extended.
    package var timeout: UInt64
    /// As on the wire, as the headers.
    package var tags: UnsafeRawBufferPointer
    package var headers: UnsafeRawBufferPointer
    /// Its bytes are those behind the pieces: all of them, when there are none.
    package var payload: StoredPayload
    package var pieces = UnsafeBufferPointer<UnsafeRawBufferPointer>(start: nil, count: 0)
    /// Of the payload, pieces and all.
    package var payloadBytes: UInt32
    /// What the last attempt left for the next.
    package var checkpoint: UnsafeRawBufferPointer
}

extension DeliveredJob {
    /// With what of the payload is in the row, and without a checkpoint.
    fileprivate init(_ id: UInt64, _ row: JobRow) {
        let options = row.options
        self.init(
            id: id, type: row.type, failures: row.failures, crashes: row.crashes,
            interruptions: row.interruptions, maxAttempts: row.maxAttempts,
            createdAt: row.createdAt, priority: row.priority, timeout: options?.timeout ?? 0,
            tags: options?.tags ?? .none, headers: options?.headers ?? .none,
            payload: row.payload, payloadBytes: row.payloadBytes, checkpoint: .none)
    }
}

/// What a delivery came to.
package struct DeliveryOutcome {
    package var token: UInt64
    package var jobs: Int
    package var bytes: Int
    /// Ready jobs are left that did not fit the request.
    package var isCutShort: Bool

    fileprivate func hasRoom(_ payloadBytes: Int, _ request: DeliveryRequest) -> Bool {
        guard bytes < request.bytesEnough else { return false }
        return bytes + payloadBytes <= request.bytesMax || (request.mayExceed && jobs == 0)
    }

    fileprivate mutating func add(_ payloadBytes: Int) {
        jobs += 1
        bytes += payloadBytes
    }
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
            let bytesBefore = outcome.bytes
            var demands: [Demand] = []
            var usual: Usual?
            pattern.forget()
            let (reached, obstacle) = try readJobs(from: next, to: run.end, rows) { id, reader in
                let bytes = reader.unread
                if let (payload, byteCount) = pattern.payload(of: bytes) {
                    guard outcome.hasRoom(Int(byteCount), request) else { return .doesNotFit }
                    let isInPieces = pattern.payloadPlace == .pieces
                    let pieces = isInPieces ? try pieceList.find(of: id, byteCount, rows) : nil
                    try usual?.hand(id, payload, byteCount, pieces, to: body)
                    if events.isOn, let row = usual?.row {
                        tell(.delivered, id, row, .running, session: request.session)
                    }
                    outcome.add(Int(byteCount))
                    return nil
                }
                var row = try JobRow(from: &reader)
                if let expiresAt = row.expiresAt, expiresAt <= stamp.now { return .expired }
                let demand = Demand(id, row)
                if let demand { demands.append(demand) }
                guard outcome.hasRoom(Int(row.payloadBytes), request) else { return .doesNotFit }
                try hand(row, id, rows, body)
                tell(.delivered, id, row, .running, session: request.session)
                outcome.add(Int(row.payloadBytes))
                usual = learn(&row, from: bytes, demand)
                return nil
            }
            count(queue) {
                let bytes = UInt64(outcome.bytes - bytesBefore)
                $0.remove(reached - next, from: .ready, bytes: bytes)
                $0.running += reached - next
            }
            try lend(next..<reached, demands, to: &lease, request, queue, outcome.token, rows)
            next = reached
            guard let obstacle, obstacle.isPassable else { break }
            try pass(obstacle, next, queue, rows)
            next += 1
        }
        return JobRun(first: next, count: UInt32(run.end - next))
    }

    /// Why a ready job is not delivered.
    private enum Obstacle {
        case doesNotFit
        case expired
        case damaged(StoreError)

        /// Whether those behind it are delivered all the same.
        var isPassable: Bool { if case .doesNotFit = self { false } else { true } }
    }

    /// Reads the rows of consecutive jobs until `body` says that one is not delivered.
    /// - Returns: the first id that was not delivered, and why; nil: it is the end.
    private func readJobs(
        from first: UInt64, to end: UInt64, _ rows: borrowing Transaction,
        _ body: (UInt64, inout RowReader) throws -> Obstacle?
    ) throws -> (reached: UInt64, obstacle: Obstacle?) {
        var reached = first
        var obstacle: Obstacle?
        do {
            try rows.scan(Tables.jobs, from: .job(first)) { key, reader in
                guard try key.u64() == reached else { return .stop }
                if let found = try body(reached, &reader) {
                    obstacle = found
                    return .stop
                }
                reached += 1
                return reached < end ? .next : .stop
            }
        } catch let error as StoreError {
            guard case .damaged = error.code else { throw error }
            return (reached, .damaged(error))
        }
        guard reached < end, obstacle == nil else { return (reached, obstacle) }
        let what = "ready job \(reached) has no row"
        return (reached, .damaged(nonsense(Tables.jobs, .job(reached), what)))
    }

    /// Takes a job out of the way that was ready and can't be delivered.
    private func pass(
        _ obstacle: Obstacle, _ id: UInt64, _ queue: Int, _ rows: borrowing Transaction
    ) throws {
        if case .damaged(let error) = obstacle {
            count(queue) { $0.remove(1, from: .ready, bytes: 0) }
            return try setAside(id, error, rows)
        }
        guard var row = try load(id, rows) else { return }
        count(queue) { $0.remove(1, from: .ready, bytes: UInt64(row.payloadBytes)) }
        try finish(id, &row, as: .expired, queue, rows)
    }

    // MARK: Demands

    /// What few jobs want of their delivery.
    private struct Demand {
        var id: UInt64
        /// Milliseconds that it may run; 0: any time.
        var timeout: UInt64
        /// Whether it holds a unique key only until now.
        var givesUpKey: Bool

        /// Nil for a job that wants nothing.
        init?(_ id: UInt64, _ row: JobRow) {
            guard row.hasOptions else { return nil }
            self.id = id
            let options = row.options
            timeout = options?.timeout ?? 0
            let unique = options?.unique
            givesUpKey = unique?.scope == .waiting && unique?.isHeld == true
            guard timeout > 0 || givesUpKey else { return nil }
        }
    }

    /// Puts delivered jobs under leases: those that may run only so long under one of their own.
    private func lend(
        _ ids: Range<UInt64>, _ demands: [Demand], to lease: inout OpenLease?,
        _ request: DeliveryRequest, _ queue: Int, _ token: UInt64, _ rows: borrowing Transaction
    ) throws {
        var next = ids.lowerBound
        for demand in demands where demand.id < ids.upperBound {
            if demand.givesUpKey, var row = try load(demand.id, rows) {
                try release(demand.id, &row, rows)
                try save(row, demand.id, rows)
            }
            guard demand.timeout > 0 else { continue }
            try add(next..<demand.id, to: &lease, request, queue, token, rows)
            next = demand.id + 1
            var own = openLease(demand.id, request, queue, token)
            own.row.jobs.insert(0)
            own.row.endsAtLatest = stamp.now + demand.timeout + EngineLimits.timeoutGrace
            own.row.deadline = own.row.bounded(own.row.deadline)
            own.row.timerAt = own.row.deadline
            try create(own, rows)
        }
        try add(next..<ids.upperBound, to: &lease, request, queue, token, rows)
    }

    // MARK: Handing over

    /// A job to which nothing happens but its delivery: those whose rows match the pattern are handed over as it is.
    private struct Usual {
        let row: JobRow
        var job: DeliveredJob

        mutating func hand(
            _ id: UInt64, _ payload: StoredPayload, _ byteCount: UInt32,
            _ pieces: UnsafeBufferPointer<UnsafeRawBufferPointer>?,
            to body: (DeliveredJob) throws -> Void
        ) throws {
            job.id = id
            job.payload = payload
            job.payloadBytes = byteCount
            if let pieces { job.pieces = pieces }
            try body(job)
        }
    }

    /// - Returns: nil when each of the jobs like this one must be looked at.
    private func learn(
        _ row: inout JobRow, from bytes: UnsafeRawBufferPointer, _ demand: Demand?
    ) -> Usual? {
        pattern.forget()
        guard demand == nil, row.expiresAt == nil, pattern.learn(&row, from: bytes) else {
            return nil
        }
        return Usual(row: row, job: DeliveredJob(0, row))
    }

    private func hand(
        _ row: JobRow, _ id: UInt64, _ rows: borrowing Transaction,
        _ body: (DeliveredJob) throws -> Void
    ) throws {
        var job = DeliveredJob(id, row)
        if row.payloadPlace == .pieces {
            let storedAt = row.stagedPayload ?? id
            job.pieces = try pieceList.find(of: storedAt, row.payloadBytes, rows)
        }
        guard row.hasNotes else { return try body(job) }
        let checkpoint = try CheckpointCopy(of: id, rows)
        job.checkpoint = checkpoint.bytes
        try body(job)
        extendLifetime(checkpoint)
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
        var next = ids.lowerBound
        while next < ids.upperBound {
            if let open = lease, !open.spans(next) {
                try create(open, rows)
                lease = nil
            }
            var open = lease ?? openLease(next, request, queue, token)
            let first = open.key.first
            let end = min(ids.upperBound, first + EngineLimits.leaseSpanMax)
            open.row.jobs.insert(next - first..<end - first)
            lease = open
            next = end
        }
    }

    private func openLease(
        _ first: UInt64, _ request: DeliveryRequest, _ queue: Int, _ token: UInt64
    ) -> OpenLease {
        let row = LeaseRow(
            session: request.session, subscription: request.subscription,
            queue: queues[queue].id, startedAt: stamp.now,
            deadline: stamp.now + request.leaseMilliseconds)
        return OpenLease(key: LeaseKey(first: first, token: token), row: row)
    }

    private func create(_ lease: OpenLease, _ rows: borrowing Transaction) throws {
        try rows.put(Tables.leases, lease.key.key) { lease.row.write(to: &$0) }
        try lease.row.timer(lease.key).set(rows)
    }
}
