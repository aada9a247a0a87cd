import Store
import Testing

@testable import Engine

/// A store with jobs in every state and rows in every table, for one of them to be damaged.
struct DamageSample {
    let harness: EngineHarness
    /// Who held what before.
    var held: [(session: UInt64, delivery: Delivery)] = []
    /// Jobs that are still to be completed, each once.
    var unfinished: Set<UInt64> = []
    /// What was completed since.
    var completed: Set<UInt64> = []
    var lastToken: UInt64 = 0
    var lastJob: UInt64 = 0
    let reply = pattern(3_000, seed: 5)
    private(set) var dead: [UInt64] = []
    /// Jobs that hold a unique key, by what they were submitted with.
    private(set) var keyed: [(id: UInt64, wish: Wish)] = []

    init() throws {
        harness = try EngineHarness()
        harness.random = .max
        harness.verifies = false
        try harness.openSession(1)
        try harness.openSession(2)
        #expect(try harness.register(40_000) == .active)
        try finishSome()
        try failSome()
        try holdSome()
        try waitSome()
        try answerSome()
        try keySome()
        try endSome()
        try stageSome()
        try actSome()
        try setSomethingAside()
        lastToken = harness.engine.nextToken - 1
        lastJob = harness.engine.nextJobID - 1
        unfinished = Set(4...keyed[2].id)
        try harness.verify()
    }

    private static func options(maxAttempts: UInt16) -> JobOptions {
        JobOptions(
            maxAttempts: maxAttempts, backoff: Backoff(base: 50_000, cap: 50_000),
            retainCompleted: 60_000, retainDead: 600_000)
    }

    private func submit(_ queue: String = "mail", count: Int = 1, bytes: Int = 20) throws {
        try harness.submit(
            queue, count: count, payload: pattern(bytes), options: Self.options(maxAttempts: 5))
    }

    private func finishSome() throws {
        try harness.submit(count: 3, options: Self.options(maxAttempts: 1))
        let delivery = try harness.deliver()
        try harness.settle(1, delivery.token, .complete([7]))
        try harness.settle(2, delivery.token, .complete(pattern(5_000, seed: 2)))
        try harness.settle(3, delivery.token, .fail())
    }

    private func failSome() throws {
        try submit(count: 2)
        try harness.settle(try harness.deliver(), .fail())
    }

    private mutating func holdSome() throws {
        try submit(count: 3)
        held.append((1, try harness.deliver(to: 1)))
        #expect(try harness.progress(6, held[0].delivery.token))
        try submit(count: 3)
        var delivery = try harness.deliver(to: 2)
        // Its run of one ends where held jobs begin.
        try harness.settle(10, delivery.token, by: 2, .release)
        delivery.jobs.remove(at: 1)
        held.append((2, delivery))
    }

    private func waitSome() throws {
        try submit(count: 3)
        try submit("other", count: 2)
        try submit(count: 2, bytes: 5_000)
        try submit("other", count: 1, bytes: 1_900)
    }

    private func answerSome() throws {
        try harness.turn { rows in
            for sequence in 1...2 as ClosedRange<UInt64> {
                #expect(try precedent(of: sequence, rows) == .none)
                let first = try harness.submit("mail", rows)
                if sequence == 1 {
                    let jobs = JobRun(first: first, count: 1)
                    try harness.engine.remember(producer: 9, sequence: 1, jobs, rows)
                } else {
                    try harness.engine.remember(producer: 9, sequence: 2, reply: reply, rows)
                }
            }
        }
    }

    private mutating func keySome() throws {
        for (key, scope) in [("a", UniqueKey.Scope.waiting), ("b", .active), ("c", .period)] {
            var wish = Wish(retain: [.completed: 60_000])
            wish.unique = UniqueWish(key: key, scope: scope, policy: .existing)
            if scope == .period { wish.unique?.period = 50_000 }
            let outcome = try offer(wish)
            guard case .accepted(let id) = outcome else { throw NotAccepted(outcome: outcome) }
            keyed.append((id, wish))
        }
    }

    private struct NotAccepted: Error { var outcome: SubmissionOutcome }

    /// Submits a job with a key that may be held.
    func offer(_ wish: Wish) throws -> SubmissionOutcome {
        try harness.turn { rows in try harness.submit("keyed", payload: [1], wish, rows) }
    }

    /// Jobs that die of two errors.
    private mutating func endSome() throws {
        try harness.submit("errors", count: 3, options: Self.options(maxAttempts: 1))
        let delivery = try harness.deliver("errors")
        dead = delivery.ids
        for (id, fingerprint) in zip(delivery.ids, [7, 7, 9] as [UInt64]) {
            try harness.settle(id, delivery.token, .failed("no", "Error", fingerprint))
        }
    }

    /// An action that is over, and one that goes on.
    private func actSome() throws {
        _ = try harness.begin(JobAction(.delete), on: JobFilter(queue: "none"))
        let waiting = JobFilter(queue: "other", states: JobState.ready.bit)
        let begun = try harness.begin(JobAction(.reprioritise), on: waiting, rate: 1)
        #expect(begun != nil)
    }

    /// What an earlier damage has left.
    private func setSomethingAside() throws {
        try harness.turn { rows in
            try rows.put(Tables.damaged, .damaged(Tables.notes, .note(900, .log))) { $0.u64(1) }
        }
    }

    private func stageSome() throws {
        try harness.turn { rows in
            let first = try harness.engine.beginStaging(2, rows)
            try harness.engine.stage(
                harness.arena.copy(pattern(4_000, seed: 3)), at: 0, of: first, .payload, rows)
        }
    }

    func precedent(
        of sequence: UInt64, _ rows: borrowing Transaction
    ) throws -> Precedent {
        try harness.engine.precedent(producer: 9, sequence: sequence, floor: 1, rows)
    }

    /// Every row of a table.
    func rows(of table: Table) throws -> [StoredRow] {
        var found: [StoredRow] = []
        try harness.look { rows in
            try rows.scan(table, from: Key()) { key, _ in
                found.append(StoredRow(table: table, key: key.whole))
                return .next
            }
        }
        return found
    }

    // MARK: Going on

    mutating func completed(_ id: UInt64) {
        #expect(completed.insert(id).inserted, "job \(id) was completed twice")
        #expect(unfinished.contains(id), "job \(id) was finished before")
    }

    /// Delivers all that is ready to session 3 and completes it.
    mutating func drain() throws {
        for queue in ["mail", "other", "keyed"] {
            while case let delivery = try harness.deliver(queue, to: 3), !delivery.jobs.isEmpty {
                #expect(delivery.token > lastToken, "a token was issued again")
                for id in delivery.ids {
                    let credit = try harness.settle(id, delivery.token, by: 3)
                    #expect(credit != nil)
                    completed(id)
                }
            }
        }
    }

    /// Those who held jobs before settle them.
    mutating func settleHeld() throws {
        for (session, delivery) in held {
            for id in delivery.ids
            where try harness.settle(id, delivery.token, by: session) != nil {
                completed(id)
            }
        }
    }
}
