import Store

/// How an ending session's jobs are given back.
enum SessionEnd { case interrupted, crashed }

/// A session that ended, all of whose leases are given back.
struct EndingSession {
    var end: SessionEnd
    /// The walk that has seen all of them when it is over.
    var walk: UInt64
}

/// A session that goes on without the leases of earlier connections that its worker does not hold.
struct UnheldLeases {
    /// Lease tokens of those connections are smaller.
    var before: UInt64
    var held: Set<HeldJob>
    /// The walk that has seen all of them when it is over.
    var walk: UInt64

    /// Jobs of the session's lease that are to be given back.
    func jobs(of key: LeaseKey, _ lease: LeaseRow) -> JobSet {
        guard key.token < before else { return JobSet() }
        var jobs = lease.jobs
        for offset in lease.jobs.offsets
        where held.contains(HeldJob(id: key.first + offset, token: key.token)) {
            jobs.remove(offset)
        }
        return jobs
    }
}

/// A walk over all leases, a bounded number in a turn, for whatever sessions have leases to give back.
/// Who joins while one is under way has missed its beginning, and is done after the next: so nobody
/// keeps another from coming to an end.
struct LeaseWalk {
    /// Where it goes on; nil when there is nothing to do.
    private(set) var next: LeaseKey?
    private var number: UInt64 = 0

    private static let start = LeaseKey(first: 0, token: 0)

    /// - Returns: the number of the first walk that begins from now on.
    mutating func join() -> UInt64 {
        if next == nil {
            number += 1
            next = LeaseWalk.start
        }
        return next == LeaseWalk.start ? number : number + 1
    }

    /// It got as far as that; nil: to the end.
    /// - Returns: the number of the walk that is over, if it is.
    mutating func reached(_ key: LeaseKey?) -> UInt64? {
        next = key
        return key == nil ? number : nil
    }
}

extension Engine {
    /// Gives back leases of sessions that ended or whose workers do not hold them, a bounded number at a
    /// time. An ended session's row stays until its last lease is given back, so that a crash in between
    /// forgets nothing.
    func walkLeases(_ steps: inout Steps, _ rows: borrowing Transaction) throws {
        guard let from = leaseWalk.next else { return }
        try writeLeases(rows)
        var (found, next) = try mending(rows) { try leasesToReturn(from, &steps, rows) }
        for (index, (key, lease, jobs)) in found.enumerated() {
            if index > 0, !steps.hasRoom(rows) {
                next = key
                break
            }
            let isCrash = ending[lease.session]?.end == .crashed
            let end: GivenBack = isCrash ? .crash("the worker vanished") : .interruption
            try endLease(of: jobs, key, lease, .givenBack(end), rows)
        }
        if let walk = leaseWalk.reached(next) { try walkEnded(walk, rows) }
    }

    private func walkEnded(_ walk: UInt64, _ rows: borrowing Transaction) throws {
        for id in ending.filter({ $0.value.walk <= walk }).keys.sorted() {
            ending[id] = nil
            _ = try rows.delete(Tables.sessions, .job(id))
        }
        unheld = unheld.filter { $0.value.walk > walk }
        if !ending.isEmpty || !unheld.isEmpty { _ = leaseWalk.join() }
    }

    /// - Returns: what was found until steps ran out, and where to go on then.
    private func leasesToReturn(
        _ from: LeaseKey, _ steps: inout Steps, _ rows: borrowing Transaction
    ) throws -> (found: [(LeaseKey, LeaseRow, JobSet)], next: LeaseKey?) {
        var found: [(LeaseKey, LeaseRow, JobSet)] = []
        var next: LeaseKey?
        var stepsLeft = steps.left
        try rows.scan(Tables.leases, from: from.key) { key, reader in
            let key = try LeaseKey(from: &key)
            guard stepsLeft > 0 else {
                next = key
                return .stop
            }
            stepsLeft -= 1
            let lease = try LeaseRow(from: &reader)
            guard let jobs = jobsToReturn(key, lease) else { return .next }
            stepsLeft -= lease.jobs.count
            if !jobs.isEmpty { found.append((key, lease, jobs)) }
            return .next
        }
        steps -= steps.left - stepsLeft
        return (found, next)
    }

    /// Nil when the lease's session has none to give back.
    private func jobsToReturn(_ key: LeaseKey, _ lease: LeaseRow) -> JobSet? {
        if ending[lease.session] != nil { return lease.jobs }
        return unheld[lease.session]?.jobs(of: key, lease)
    }
}
