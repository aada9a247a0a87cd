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
        var state: StoredState
        var failures: UInt16
        var crashes: UInt16
        var interruptions: UInt16
        var due: UInt64
        var vanishAt: UInt64
        var cancelEndsAt: UInt64
        var expiresAt: UInt64?
        /// Bytes of the payload as stored, wherever.
        var payloadBytes: UInt32
        /// Nil when it holds none; else when it becomes free, 0 for when the job says.
        var keyFreeAt: UInt64?
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
    /// Timers of runs, by what they are for, for each of their jobs.
    var jobTimers: [TimerKind: [UInt64: [Timer]]] = [:]
    /// Jobs that hold a unique key, by its row.
    var keyHolders: [UInt64: Int] = [:]
    /// When the grace of each session ends; 0 for a connected one.
    var sessions: [UInt64: UInt64] = [:]
    var producers: Set<UInt64> = []
    /// Lengths of pieces, by index.
    var pieces: [Piece: [UInt32: Int]] = [:]
    var progress: Set<UInt64> = []
    /// Queues that have rows in `times`.
    var timedQueues: Set<UInt32> = []
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
        try rows.scan(Tables.notes, from: .job(1)) { key, _ in
            let job = try key.u64()
            if try key.u8() == NoteKind.progress.rawValue { progress.insert(job) }
            return .next
        }
        try rows.scan(Tables.staging, from: Key()) { key, reader in
            let run = JobRun(first: try key.u64(), count: try reader.u32())
            staged.formUnion(run.first..<run.end)
            return .next
        }
        try rows.scan(Tables.unique, from: Key()) { key, _ in
            _ = try (key.u32(), key.u64())
            keyHolders[try key.u64(), default: 0] += 1
            return .next
        }
        try rows.scan(Tables.times, from: Key()) { key, _ in
            timedQueues.insert(try key.u32())
            return .next
        }
        try readPieces(rows)
        try readTimers(rows)
        try readIndex(rows)
        try readLeases(rows)
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

    private mutating func readIndex(_ rows: borrowing Transaction) throws {
        var last: (place: IndexPlace, end: UInt64)?
        try rows.scan(Tables.index, from: Key()) { key, reader in
            let queue = try key.u32()
            let state = JobState(rawValue: try key.u8()) ?? .held
            let place = IndexPlace(queue, state, order: try key.u8())
            let run = JobRun(first: try key.u64(), count: try reader.u32())
            expect(run.count > 0, "queue \(queue) has an empty run at \(run.first)")
            if let last, last.place == place {
                expect(last.end < run.first, "runs of \(place) touch at \(run.first)")
            }
            last = (place, run.end)
            if state == .ready { runs[queue, default: []].append(run) }
            for id in run.first..<run.end { found(id, listedIn: place) }
            return .next
        }
    }

    private mutating func found(_ id: UInt64, listedIn place: IndexPlace) {
        switch place.state {
        case .ready: found(id, .ready)
        case .scheduled:
            let due = jobTimers[.ready]?[id]?.first?.due
            found(id, .scheduled(due: due ?? 0))
        default:
            let due = jobTimers[.retention]?[id]?.first?.due
            found(id, .vanishing(due: due ?? 0))
        }
        guard let job = jobs[id] else { return }
        let order = place.state == .ready ? job.order : 0
        expect(job.queue == place.queue && order == place.order, "job \(id) is in another's run")
        let isOfState = job.state.finished.map { $0 == place.state } ?? (place.state < .running)
        expect(isOfState, "job \(id) is \(job.state), listed in \(place)")
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
            let timer = try Timer(from: &key, &reader)
            timers.append(timer)
            guard timer.kind.isOfRun else { return .next }
            expect(timer.count > 0, "a timer is for nothing")
            for id in timer.jobs.first..<timer.jobs.end {
                jobTimers[timer.kind, default: [:]][id, default: []].append(timer)
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
        vanishAt = row.history?.vanishAt ?? 0
        cancelEndsAt = row.history?.cancelEndsAt ?? 0
        expiresAt = row.expiresAt
        payloadBytes = row.payloadBytes
        if let unique = row.options?.unique, unique.isHeld { keyFreeAt = unique.until }
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
