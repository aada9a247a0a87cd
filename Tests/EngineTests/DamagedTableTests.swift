import Store
import TestSupport
import Testing

@testable import Engine

/// Each row of each table damaged: the broker serves on, says what it found, and every other job is
/// completed once.
@Suite(.fewAtATime, .timeLimit(.minutes(5)))
struct DamagedTableTests {
    static let tables = [
        Tables.counters, Tables.queues, Tables.names, Tables.jobs, Tables.pieces, Tables.index,
        Tables.leases, Tables.timers, Tables.sessions, Tables.producers, Tables.answers,
        Tables.staging, Tables.unique, Tables.notes, Tables.groups, Tables.actions, Tables.times,
        Tables.dictionaries, Tables.damaged,
    ]

    @Test func `no table is left out`() {
        #expect(Set(DamagedTableTests.tables) == Set(Tables.all))
        #expect(DamagedTableTests.tables.count == Tables.all.count)
    }

    @Test(arguments: tables, [0, 0.5, 1])
    func `a damaged row stops nothing and loses no other job`(_ table: Table, _ place: Double)
        throws
    {
        let count = try DamageSample().rows(of: table).count
        try #require(count > 0)
        for index in 0..<count {
            let sample = try DamageSample()
            let row = try sample.rows(of: table)[index]
            try check(sample, damaging: [row], at: place)
        }
    }

    @Test(arguments: tables, [0, 0.5, 1])
    func `a damaged row is named when the store is verified, and repaired`(
        _ table: Table, _ place: Double
    ) throws {
        let count = try DamageSample().rows(of: table).count
        for index in 0..<count {
            var sample = try DamageSample()
            let row = try sample.rows(of: table)[index]
            let (problems, report) = try sample.harness.repair(damaging: [row], at: place)
            #expect(problems.contains { $0.isDamage && $0.table == table }, "\(row)")
            #expect(report.setAside == 1)
            #expect(report.sentences.contains { $0.contains("\(table.name) is damaged") })
            #expect(try sample.harness.allProblems() == [], "\(row)")
            // Where in the row the damage was makes no difference any more.
            if place == 0.5 { try checkNothingElseIsLost(&sample, [row], isRepaired: true) }
        }
    }

    @Test(arguments: [
        Tables.queues, Tables.names, Tables.index, Tables.leases, Tables.timers, Tables.sessions,
        Tables.unique, Tables.notes, Tables.groups, Tables.actions, Tables.times,
        Tables.dictionaries,
        Tables.damaged,
    ])
    func `a table of which every row is damaged loses no job`(_ table: Table) throws {
        let sample = try DamageSample()
        try check(sample, damaging: try sample.rows(of: table), at: 0.5)
    }

    @Test func `queues that lost both rows keep their jobs under names that can be found`() throws {
        let sample = try DamageSample()
        let rows = try sample.rows(of: Tables.queues) + sample.rows(of: Tables.names)
        try sample.harness.restart(damaging: rows, at: 1)
        let engine = sample.harness.engine
        let names = engine.allQueues.map { engine.name(of: $0) }
        #expect(names == (1...4).map { "recovered-\($0)" })
        let ready = engine.allQueues.map { engine.readyCount($0) }
        #expect(ready == [8, 3, 3, 0])
        try sample.harness.verify()
    }

    private func check(_ started: DamageSample, damaging rows: [StoredRow], at place: Double) throws
    {
        var sample = started
        let harness = sample.harness
        try harness.restart(damaging: rows, at: place)
        try checkNothingElseIsLost(&sample, rows)
        for row in rows where row.isAlwaysRead(among: sample.unfinished) {
            let key = "row \(row.key) of table \(row.table.name)"
            #expect(harness.damage.contains { $0.contains(key) }, "\(key) was not reported")
        }
    }

    /// Goes on until everything is over.
    private func checkNothingElseIsLost(
        _ sample: inout DamageSample, _ rows: [StoredRow], isRepaired: Bool = false
    ) throws {
        let harness = sample.harness
        try work(&sample, rows, isRepaired: isRepaired)
        let damaged = Set(rows.compactMap(\.job))
        #expect(sample.completed == sample.unfinished.subtracting(damaged), "\(rows)")
        try harness.advance(86_500_000)
        try harness.verify()
        #expect(try left(harness) == [], "\(rows)")
        if rows.contains(where: { $0.table == Tables.jobs || $0.table == Tables.timers }) { return }
        #expect(try harness.statistics().totals.completed >= 14)
    }

    /// All that happens in the two minutes after the start.
    private func work(
        _ sample: inout DamageSample, _ rows: [StoredRow], isRepaired: Bool
    ) throws {
        let harness = sample.harness
        for id in 1...sample.lastJob { try look(at: id, harness) }
        for session in [1, 2] as [UInt64] {
            let isDamaged = rows.contains { $0.isSession(session) }
            #expect(try harness.resume(session) != isDamaged)
        }
        try harness.openSession(3)
        try resend(sample, rows)
        try offerAgain(&sample, rows)
        try changeDead(sample, rows)
        let lost = Set(rows.compactMap(\.leasedFrom))
        try sample.drain()
        for (session, delivery) in sample.held where !lost.contains(delivery.ids[0]) {
            // A repair gives back at once what a lost session held: no broker runs, and no worker waits.
            if isRepaired, rows.contains(where: { $0.isSession(session) }) { continue }
            let twice = sample.completed.intersection(delivery.ids)
            #expect(twice.isEmpty, "jobs \(twice) were delivered while another had them")
        }
        try sample.settleHeld()
        #expect(
            try harness.submit("mail", options: JobOptions(retainCompleted: 0))[0] > sample.lastJob)
        let new = harness.engine.nextJobID - 1
        sample.unfinished.insert(new)
        // Timers, and runs of jobs that are over, are looked at when their time comes.
        let late = [Tables.timers, Tables.index]
        if rows.allSatisfy({ !late.contains($0.table) }) { try harness.verify() }
        for _ in 0..<12 {
            try harness.advance(10_000)
            try sample.drain()
        }
    }

    private func look(at id: UInt64, _ harness: EngineHarness) throws {
        do {
            _ = try harness.inspect(id)
        } catch let error as StoreError {
            guard case .damaged = error.code else { throw error }
        }
    }

    /// Requests sent again never make jobs again.
    private func resend(_ sample: DamageSample, _ rows: [StoredRow]) throws {
        try sample.harness.turn { transaction in
            let isLost = rows.contains { $0.table == Tables.producers }
            let isReplyLost = isLost || rows.contains { $0.table == Tables.answers }
            for _ in 0..<2 {
                let jobs = try sample.precedent(of: 1, transaction)
                #expect(jobs == (isLost ? .lost : .jobs(JobRun(first: 20, count: 1))))
                let reply = try sample.precedent(of: 2, transaction)
                #expect(reply == (isReplyLost ? .lost : .reply(sample.reply)))
            }
            if isLost { #expect(try sample.precedent(of: 3, transaction) == .lost) }
        }
    }

    /// A key is held by its job, unless that is damaged.
    private func offerAgain(_ sample: inout DamageSample, _ rows: [StoredRow]) throws {
        let damaged = Set(rows.compactMap(\.job))
        for (id, wish) in sample.keyed {
            let outcome = try sample.offer(wish)
            if damaged.contains(id), case .accepted(let new) = outcome {
                sample.unfinished.insert(new)
            } else {
                #expect(outcome == .existing(id), "\(rows)")
            }
        }
    }

    /// Dead jobs can be changed and deleted, unless they are damaged.
    private func changeDead(_ sample: DamageSample, _ rows: [StoredRow]) throws {
        let damaged = Set(rows.compactMap(\.job))
        for id in sample.dead {
            let outcome = try sample.harness.act(.reprioritise, on: id)
            #expect(outcome == (damaged.contains(id) ? .damaged : .done(.dead)), "\(rows)")
        }
        // A job that stays where it is need not be looked for there.
        guard let left = sample.dead.first(where: { !damaged.contains($0) }) else { return }
        #expect(try sample.harness.act(.delete, on: left) == .done(nil), "\(rows)")
    }

    /// Rows that should be gone when everything is over.
    private func left(_ harness: EngineHarness) throws -> [String] {
        let tables = [
            Tables.jobs, Tables.index, Tables.leases, Tables.timers, Tables.notes,
            Tables.producers, Tables.answers, Tables.staging, Tables.unique, Tables.groups,
            Tables.actions,
        ]
        return try tables.flatMap { table in
            Array(repeating: "\(table.name)", count: try harness.rowCount(table))
        }
    }
}

extension StoredRow {
    fileprivate var bytes: [UInt8] { key.withBytes { Array($0) } }

    fileprivate func isSession(_ id: UInt64) -> Bool {
        table == Tables.sessions && key == .job(id)
    }

    /// The job that is damaged with the row.
    fileprivate var job: UInt64? {
        table == Tables.jobs || table == Tables.pieces ? number(bytes, 0) : nil
    }

    /// The first job of the lease that the row is.
    fileprivate var leasedFrom: UInt64? { table == Tables.leases ? number(bytes, 0) : nil }

    /// Whether a broker comes to read the row in any case: pieces of results are read by whoever asks,
    /// timers of leases and sessions that end in time are never read.
    fileprivate func isAlwaysRead(among unfinished: Set<UInt64>) -> Bool {
        if table == Tables.pieces { return unfinished.contains(number(bytes, 0)) }
        // What was set aside is read by nobody.
        if table == Tables.damaged { return false }
        guard table == Tables.timers else { return true }
        return ![TimerKind.lease.rawValue, TimerKind.session.rawValue].contains(bytes[8])
    }
}
