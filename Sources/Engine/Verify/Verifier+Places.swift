import Store

/// A row of the index.
struct IndexRun {
    var queue: UInt32
    var state: UInt8
    var order: UInt8
    var jobs: JobRun

    init(from key: inout KeyReader, _ row: inout RowReader) throws(StoreError) {
        queue = try key.u32()
        state = try key.u8()
        order = try key.u8()
        jobs = JobRun(first: try key.u64(), count: try row.u32())
    }

    /// Whether a job's row says that it may be here.
    func agrees(with job: JobFacts) -> Bool {
        guard job.queue == queue, let state = JobState(rawValue: state) else { return false }
        switch state {
        case .scheduled: return job.state == .waiting && order == 0
        case .ready: return job.state == .waiting && order == job.order
        default: return state.isFinished && job.state.finished == state && order == 0
        }
    }
}

extension Verifier {
    // MARK: Index

    func lookAtIndex<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        var before: IndexRun?
        var rest: Place?
        let next = try visit(Tables.index, from: place, rows) { key, reader in
            let whole = key.whole
            let run = try IndexRun(from: &key, &reader)
            expect(run.jobs.count > 0, Tables.index, "queue \(run.queue) has an empty run")
            if let before,
                (before.queue, before.state, before.order) == (run.queue, run.state, run.order)
            {
                expect(
                    before.jobs.end <= run.jobs.first, Tables.index,
                    "runs of queue \(run.queue) overlap at job \(run.jobs.first)")
            }
            before = run
            let isResumed = whole.withBytes { Array($0) } == place.key && place.job > 0
            let reached = try judge(run, from: isResumed ? place.job : run.jobs.first, rows)
            guard reached < run.jobs.end, rest == nil else { return }
            rest = Place(stage: .index)
            rest?.key = whole.withBytes { Array($0) }
            rest?.job = reached
        }
        return rest ?? next
    }

    /// - Returns: the first job of the run that was not looked at.
    private func judge<Source: Rows & ~Copyable>(
        _ run: IndexRun, from first: UInt64, _ rows: borrowing Source
    ) throws -> UInt64 {
        var id = first
        while id < run.jobs.end, !hasEnough {
            if let job = try job(id, rows) {
                expect(
                    run.agrees(with: job), Tables.index,
                    "job \(id), stored as \(job.state) of queue \(job.queue), is in a run of state"
                        + " \(run.state), queue \(run.queue), order \(run.order)")
            } else {
                expect(
                    try isExcused(id, rows), Tables.index,
                    "job \(id) is in a run of queue \(run.queue) and has no row")
            }
            id += 1
        }
        return id
    }

    // MARK: Leases

    func lookAtLeases<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        try visit(Tables.leases, from: place, rows) { key, reader in
            let key = try LeaseKey(from: &key)
            let lease = try LeaseRow(from: &reader)
            expect(!lease.jobs.isEmpty, Tables.leases, "lease \(key) holds nothing")
            expect(
                try rows.contains(Tables.sessions, .job(lease.session)), Tables.leases,
                "lease \(key) is of no session")
            expect(
                try rows.contains(Tables.timers, lease.timer(key).key), Tables.leases,
                "lease \(key) has no timer at \(lease.timerAt)")
            for offset in lease.jobs.offsets {
                let id = key.first + offset
                guard let job = try job(id, rows) else {
                    expect(
                        try isExcused(id, rows), Tables.leases,
                        "job \(id) of lease \(key) has no row")
                    continue
                }
                expect(
                    job.state == .waiting && job.queue == lease.queue, Tables.leases,
                    "job \(id) of lease \(key) is stored as \(job.state) of queue \(job.queue)")
            }
        }
    }

    // MARK: Timers

    func lookAtTimers<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        var rest: Place?
        let next = try visit(Tables.timers, from: place, rows) { key, reader in
            let whole = key.whole
            let timer = try Timer(from: &key, &reader)
            expect(timer.count > 0, Tables.timers, "a timer \(timer.kind) is for no job")
            guard timer.kind.isOfJobs else { return try judge(timer, rows) }
            let isResumed = whole.withBytes { Array($0) } == place.key && place.job > 0
            let reached = try judge(timer, from: isResumed ? place.job : timer.first, rows)
            guard reached < timer.jobs.end, rest == nil else { return }
            rest = Place(stage: .timers)
            rest?.key = whole.withBytes { Array($0) }
            rest?.job = reached
        }
        return rest ?? next
    }

    private func judge<Source: Rows & ~Copyable>(
        _ timer: Timer, from first: UInt64, _ rows: borrowing Source
    ) throws -> UInt64 {
        var id = first
        while id < timer.jobs.end, !hasEnough {
            if let job = try job(id, rows) {
                expect(
                    try isMeant(timer, by: id, job, rows), Tables.timers,
                    "a timer \(timer.kind) at \(timer.due) is not meant by job \(id)")
            } else {
                expect(
                    try isExcused(id, rows), Tables.timers,
                    "a timer \(timer.kind) is of job \(id), which has no row")
            }
            id += 1
        }
        return id
    }

    private func isMeant<Source: Rows & ~Copyable>(
        _ timer: Timer, by id: UInt64, _ job: JobFacts, _ rows: borrowing Source
    ) throws -> Bool {
        let places = try places(of: id, job, rows)
        switch timer.kind {
        case .ready:
            return places.isScheduled && job.dueAt == timer.due && job.queue == timer.queue
                && job.order == timer.order
        case .expiry:
            return !job.state.isFinished && job.expiresAt == timer.due && job.queue == timer.queue
        case .retention:
            return places.isRetained && job.vanishAt == timer.due && job.queue == timer.queue
                && job.state.finished == timer.state
        case .unique: return job.key?.until == timer.due
        case .cancel: return places.lease != nil && job.cancelEndsAt == timer.due
        default: return false
        }
    }

    /// Timers of what is not a job.
    private func judge<Source: Rows & ~Copyable>(
        _ timer: Timer, _ rows: borrowing Source
    ) throws {
        switch timer.kind {
        case .lease:
            let key = LeaseKey(first: timer.first, token: timer.second)
            let timerAt = try rows.get(Tables.leases, key.key) { try LeaseRow(from: &$0).timerAt }
            let isSetAside = try rows.contains(
                Tables.damaged, .damaged(Tables.leases, key.key))
            expect(
                timerAt == timer.due || isSetAside, Tables.timers,
                "a timer at \(timer.due) is of lease \(key), which has it at \(timerAt ?? 0)")
        case .session:
            let graceEnds = try rows.get(Tables.sessions, .job(timer.first)) { row in
                _ = try row.u64()
                return try row.u64()
            }
            expect(
                graceEnds == timer.due, Tables.timers,
                "a timer at \(timer.due) is of session \(timer.first)")
        case .producer:
            expect(
                try rows.contains(Tables.producers, .job(timer.first)), Tables.timers,
                "a timer is of producer \(timer.first), which has no row")
        case .action:
            expect(
                try rows.contains(Tables.actions, .job(timer.first))
                    || isSetAside(Tables.actions, .job(timer.first), rows), Tables.timers,
                "a timer is of action \(timer.first), which has no row")
        default: break
        }
    }
}

extension TimerKind {
    /// Whether its rows are about jobs, one or a run.
    var isOfJobs: Bool {
        switch self {
        case .ready, .expiry, .retention, .unique, .cancel: true
        case .lease, .session, .producer, .action: false
        }
    }
}
