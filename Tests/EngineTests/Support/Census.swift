import Store

@testable import Engine

/// Everything recounted from the rows alone: where each job is, and what does not add up.
struct Census {
    /// A place that a job is found at; each job must have exactly one.
    enum Place: Equatable {
        case ready
        case leased(LeaseKey, deadline: UInt64, session: UInt64)
        case scheduled(due: UInt64)
        case vanishing(due: UInt64)
    }

    struct Job {
        var queue: UInt32
        var order: UInt8
        var state: JobState
        var failures: UInt16
        var crashes: UInt16
        var interruptions: UInt16
        var due: UInt64
        /// Bytes in pieces.
        var pieces: [PayloadPart: UInt32] = [:]
        /// The id that the result's pieces have, if not the job's.
        var stagedResult: UInt64?
        var places: [Place] = []
    }

    struct Piece: Hashable {
        var job: UInt64
        var part: PayloadPart
    }

    var complaints: [String] = []
    var jobs: [UInt64: Job] = [:]
    /// Jobs with a row that is damaged, set aside or not yet found.
    var damaged: Set<UInt64> = []
    /// Leases that were set aside: their timers still come.
    var damagedLeases: Set<LeaseKey> = []
    var queues: [UInt32: QueueRow] = [:]
    var runs: [UInt32: [JobRun]] = [:]
    var leases: [LeaseKey: LeaseRow] = [:]
    var timers: [Timer] = []
    /// When the grace of each session ends; 0 for a connected one.
    var sessions: [UInt64: UInt64] = [:]
    var producers: Set<UInt64> = []
    /// Lengths of pieces, by index.
    var pieces: [Piece: [UInt32: Int]] = [:]
    var progress: Set<UInt64> = []
    /// Ids set aside for jobs whose payloads come first.
    var staged: Set<UInt64> = []

    /// Takes the census, and judges it.
    /// - Parameter ending: sessions whose leases are being given back.
    init(_ rows: borrowing Transaction, ending: Set<UInt64>) throws {
        try rows.scan(Tables.damaged, from: Key()) { key, _ in
            let table = try key.u8()
            if table == Tables.jobs.id { damaged.insert(try key.u64()) }
            if table == Tables.leases.id { damagedLeases.insert(try LeaseKey(from: &key)) }
            return .next
        }
        let damagedJobs = try scan(Tables.jobs, rows) { key, reader in
            jobs[try key.u64()] = Job(try JobRow(from: &reader))
        }
        damaged.formUnion(damagedJobs)
        try rows.scan(Tables.queues, from: Key()) { key, reader in
            queues[try key.u32()] = try QueueRow(from: &reader)
            return .next
        }
        try rows.scan(Tables.sessions, from: Key()) { key, reader in
            _ = try reader.u64()
            sessions[try key.u64()] = try reader.u64()
            return .next
        }
        try rows.scan(Tables.producers, from: Key()) { key, reader in
            _ = try Producer(from: &reader)
            producers.insert(try key.u64())
            return .next
        }
        try rows.scan(Tables.progress, from: Key()) { key, _ in
            progress.insert(try key.u64())
            return .next
        }
        try rows.scan(Tables.staging, from: Key()) { key, reader in
            let run = JobRun(first: try key.u64(), count: try reader.u32())
            staged.formUnion(run.first..<run.end)
            return .next
        }
        try readPieces(rows)
        try readReady(rows)
        try readLeases(rows)
        try readTimers(rows)
        judge(try Counters(reading: rows), ending: ending)
    }

    mutating func expect(_ isTrue: Bool, _ complaint: @autoclosure () -> String) {
        if !isTrue { complaints.append(complaint()) }
    }

    /// Ids of the ready jobs of a queue, in order of delivery.
    func ready(_ queue: UInt32) -> [UInt64] {
        runs[queue, default: []].flatMap { $0.first..<$0.end }
    }

    // MARK: Places

    private mutating func found(_ id: UInt64, _ place: Place) {
        guard jobs[id] != nil else {
            return expect(damaged.contains(id), "job \(id) is \(place) and has no row")
        }
        jobs[id]?.places.append(place)
    }

    private mutating func readPieces(_ rows: borrowing Transaction) throws {
        let damagedPieces = try scan(Tables.pieces, rows) { key, reader in
            let job = try key.u64()
            let part: PayloadPart = try key.u8() == 0 ? .payload : .result
            let piece = Piece(job: job, part: part)
            let index = try key.u32()
            pieces[piece, default: [:]][index] = reader.remaining
        }
        damaged.formUnion(damagedPieces)
    }

    private mutating func readReady(_ rows: borrowing Transaction) throws {
        try rows.scan(Tables.ready, from: Key()) { key, reader in
            let queue = try key.u32()
            let order = try key.u8()
            let run = JobRun(first: try key.u64(), count: try reader.u32())
            expect(run.count > 0, "queue \(queue) has an empty run at \(run.first)")
            runs[queue, default: []].append(run)
            for id in run.first..<run.end {
                found(id, .ready)
                guard let job = jobs[id] else { continue }
                expect(job.queue == queue && job.order == order, "job \(id) is in another's run")
            }
            return .next
        }
    }

    private mutating func readLeases(_ rows: borrowing Transaction) throws {
        try rows.scan(Tables.leases, from: Key()) { key, reader in
            let key = try LeaseKey(from: &key)
            let lease = try LeaseRow(from: &reader)
            leases[key] = lease
            expect(!lease.jobs.isEmpty, "lease \(key) holds nothing")
            expect(sessions[lease.session] != nil, "lease \(key) is of no session")
            for offset in lease.jobs.offsets {
                let id = key.first + offset
                found(id, .leased(key, deadline: lease.deadline, session: lease.session))
                expect(
                    jobs[id].map { $0.queue == lease.queue } ?? true,
                    "job \(id) is of another queue")
            }
            return .next
        }
    }

    private mutating func readTimers(_ rows: borrowing Transaction) throws {
        try rows.scan(Tables.timers, from: Key()) { key, reader in
            let timer = try Timer(from: &key)
            timers.append(timer)
            if timer.kind == .ready { found(timer.first, .scheduled(due: timer.due)) }
            guard timer.kind == .retention else { return .next }
            expect(reader.remaining > 0, "a retention row is empty")
            while reader.remaining > 0 {
                let run = JobRun(first: try reader.u64(), count: try reader.u32())
                for id in run.first..<run.end { found(id, .vanishing(due: timer.due)) }
            }
            return .next
        }
    }
}

extension Census.Job {
    init(_ row: JobRow) {
        queue = row.queue
        order = row.order
        state = row.state
        failures = row.failures
        crashes = row.crashes
        interruptions = row.interruptions
        due = row.history?.dueAt ?? 0
        if row.payloadPlace == .pieces { pieces[.payload] = row.payloadBytes }
        if row.resultPlace == .pieces { pieces[.result] = row.resultBytes }
        stagedResult = row.stagedResult
    }
}

/// Visits every good row of a table whose keys begin with a job's id.
/// - Returns: the jobs that the others belong to.
private func scan(
    _ table: Table, _ rows: borrowing Transaction,
    _ body: (inout KeyReader, inout RowReader) throws -> Void
) throws -> [UInt64] {
    var damaged: [UInt64] = []
    var start: Key? = Key()
    while let from = start {
        start = nil
        do {
            try rows.scan(table, from: from) { key, reader in
                try body(&key, &reader)
                return .next
            }
        } catch let error as StoreError {
            guard case .damaged(_, let key) = error.code else { throw error }
            damaged.append(key.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
            var next = Key()
            for byte in key + [0] { next.u8(byte) }
            start = next
        }
    }
    return damaged
}
