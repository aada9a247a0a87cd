import Store

/// Counters of queues, compared with what they count.
extension Verifier {
    /// Visits queues from a place on. `body` is told where to begin with each, and returns where to go on
    /// when it is not done with it.
    private func visitQueues<Source: Rows & ~Copyable>(
        from place: Place, _ rows: borrowing Source,
        _ body: (UInt32, QueueRow, Place) throws -> Place?
    ) throws -> Place? {
        var place = place
        while !hasEnough {
            guard let (id, row) = try queue(atOrAfter: place.key, rows) else { return nil }
            if !place.isOfQueue(id) { place = Place(stage: place.stage, queue: id) }
            if let rest = try body(id, row, place) { return rest }
            saw(1)
            guard id < .max else { return nil }
            place = Place(stage: place.stage, queue: id + 1)
        }
        return place
    }

    private func queue<Source: Rows & ~Copyable>(
        atOrAfter key: [UInt8], _ rows: borrowing Source
    ) throws -> (UInt32, QueueRow)? {
        var found: (UInt32, QueueRow)?
        try quietly {
            try visitToTheEnd(Tables.queues, from: Array(key.prefix(4)), rows) { key, row in
                found = (try key.u32(), try QueueRow(from: &row))
                return false
            }
        }
        return found
    }

    // MARK: Jobs by state

    /// States that the index lists, and a queue counts.
    private static let listed: [JobState] = [
        .scheduled, .ready, .completed, .dead, .cancelled, .expired,
    ]

    /// Compares how many jobs a queue counts in each state with what the index lists.
    func addUpIndex<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        try visitQueues(from: place, rows) { id, stored, place in
            guard var jobs = carried(Verifier.listed.count, place) else { return nil }
            var next = try visitQuietly(Tables.index, from: place, rows) { key, row in
                let run = try IndexRun(from: &key, &row)
                guard run.queue == id, let state = JobState(rawValue: run.state) else {
                    return run.queue == id
                }
                guard let index = Verifier.listed.firstIndex(of: state) else { return true }
                jobs[index] += UInt64(run.jobs.count)
                return true
            }
            if next?.isOfQueue(id) == true {
                next?.tally = [turn] + jobs
                return next
            }
            judge(stored, zip(Verifier.listed, jobs))
            return nil
        }
    }

    private func judge(_ stored: QueueRow, _ jobs: Zip2Sequence<[JobState], [UInt64]>) {
        var counted = stored
        counted.forgetCounts()
        (counted.running, counted.waitingBytes) = (stored.running, stored.waitingBytes)
        for (state, jobs) in jobs { counted.add(jobs, to: state, bytes: 0) }
        expect(counted == stored, Tables.queues, "queue \(stored) should be \(counted)")
    }

    // MARK: What their rows say

    /// What the rows of a queue's jobs come to, as far as they were read.
    private struct Sums {
        var waitingBytes: UInt64 = 0
        /// Of dead jobs by error, less those of the groups: 0 when they are the same.
        var errors: UInt64 = 0
        /// Records that can't be read, among those of the jobs that wait, and of the dead ones.
        var waitingUnread: UInt64 = 0
        var deadUnread: UInt64 = 0

        init(_ words: [UInt64]) {
            (waitingBytes, errors, waitingUnread, deadUnread) = (
                words[0], words[1], words[2], words[3]
            )
        }

        var words: [UInt64] { [waitingBytes, errors, waitingUnread, deadUnread] }
    }

    /// Compares the bytes that wait, and the groups of dead jobs, with the jobs' own rows.
    func addUpJobs<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        try visitQueues(from: place, rows) { id, stored, place in
            guard let words = carried(4, place) else { return nil }
            var sums = Sums(words)
            if var rest = try addUp(id, from: place, &sums, rows) {
                rest.tally = [turn] + sums.words
                return rest
            }
            try judge(id, stored, sums, rows)
            return nil
        }
    }

    /// First the jobs that wait, then the dead ones, then the groups.
    private func addUp<Source: Rows & ~Copyable>(
        _ id: UInt32, from place: Place, _ sums: inout Sums, _ rows: borrowing Source
    ) throws -> Place? {
        var place = place
        if place.key.count == 4 { place = Place(stage: place.stage, queue: id, part: .waiting) }
        if place.part == .waiting {
            let states = [JobState.scheduled, .ready]
            let rest = try visitJobs(of: states, from: place, &sums.waitingUnread, rows) { row in
                sums.waitingBytes += UInt64(row.payloadBytes)
            }
            if let rest { return rest }
            place = Place(stage: place.stage, queue: id, part: .dead)
        }
        if place.part == .dead {
            let rest = try visitJobs(of: [.dead], from: place, &sums.deadUnread, rows) { row in
                sums.errors &+= mixed(1, row.history?.failure.fingerprint ?? 0)
            }
            if let rest { return rest }
            place = Place(stage: place.stage, queue: id)
        }
        let passedBefore = damagePassed
        let rest = try visitQuietly(Tables.groups, from: place, rows) { key, row in
            guard try key.u32() == id else { return false }
            sums.errors &-= try GroupRow(from: &row).jobs &* mixed(1, try key.u64())
            return true
        }
        sums.deadUnread += UInt64(damagePassed - passedBefore)
        return rest?.isOfQueue(id) == true ? rest : nil
    }

    /// Visits the rows of a queue's jobs in some states, in order of id.
    /// - Parameter unread: counts those that can't be read.
    private func visitJobs<Source: Rows & ~Copyable>(
        of states: [JobState], from place: Place, _ unread: inout UInt64, _ rows: borrowing Source,
        _ body: (JobRow) -> Void
    ) throws -> Place? {
        let queue = UInt32(number(place.key, 0, bytes: 4))
        let targets = WalkTargets(indexed: states.map { (queue, $0) })
        var rest = place
        var damaged = 0
        let isOver = try passingDamage {
            var walk = try JobWalk(targets, from: place.job, descending: false, rows)
            while !hasEnough {
                let step = try walk.next(UInt64(rowsLeft), rows)
                guard step != .end else { return true }
                guard case .run(let ids) = step else { continue }
                saw(ids.count)
                rest.job = ids.upperBound + 1
                damaged += try rows.survey(
                    Tables.jobs, from: .job(ids.lowerBound), to: .job(rest.job)
                ) { _, reader in body(try JobRow(from: &reader)) }.count
            }
            return false
        }
        // Of a damaged run nobody knows the jobs.
        unread += UInt64(damaged) + (isOver == nil ? 1 : 0)
        return isOver == false ? rest : nil
    }

    private func judge<Source: Rows & ~Copyable>(
        _ id: UInt32, _ stored: QueueRow, _ sums: Sums, _ rows: borrowing Source
    ) throws {
        // Nobody knows how long a payload was whose record is damaged.
        let isBytesKnown = try sums.waitingUnread == 0 && !hasJobsSetAside(rows)
        expect(
            isBytesKnown
                ? sums.waitingBytes == stored.waitingBytes
                : sums.waitingBytes <= stored.waitingBytes,
            Tables.queues,
            "queue \(stored.name) counts \(stored.waitingBytes) waiting bytes of \(sums.waitingBytes)"
        )
        // Nor of which error a dead job died; those set aside are in no group any more.
        let areGroupsKnown =
            try sums.deadUnread == 0 && !rows.contains(Tables.groups, .recounting(id))
        expect(
            sums.errors == 0 || !areGroupsKnown, Tables.groups,
            "the groups of queue \(stored.name) are not those of its dead jobs")
    }

    func hasJobsSetAside<Source: Rows & ~Copyable>(
        _ rows: borrowing Source
    ) throws -> Bool {
        let first = Key().adding(u8: Tables.jobs.id)
        var isFound = false
        try quietly {
            try visitToTheEnd(Tables.damaged, from: first.withBytes { Array($0) }, rows) { key, _ in
                isFound = try key.u8() == Tables.jobs.id
                return false
            }
        }
        return isFound
    }
}

extension Verifier.Place {
    /// Which of a queue's jobs are looked at.
    enum Part: UInt8 {
        case waiting = 1
        case dead = 2
    }

    init(stage: Verifier.Stage, queue: UInt32, part: Part? = nil) {
        self.init(stage: stage)
        let key = part.map { Key.queue(queue).adding(u8: $0.rawValue) } ?? Key.queue(queue)
        self.key = key.withBytes { Array($0) }
    }

    func isOfQueue(_ id: UInt32) -> Bool {
        key.count >= 4 && number(key, 0, bytes: 4) == UInt64(id)
    }

    /// Nil where rows of another table are looked at.
    var part: Part? { key.count == 5 ? Part(rawValue: key[4]) : nil }
}
