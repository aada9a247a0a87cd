@testable import Engine

extension Model {
    /// An action on many jobs.
    struct Bulk {
        var action: JobAction
        var filter: JobFilter
        /// Jobs a second; 0: as fast as it goes.
        var rate: UInt64
        var lastJob: UInt64
        var startedAt: UInt64
        /// When it goes on.
        var next: UInt64
        var reached: UInt64 = 0
        var changed: UInt64 = 0
        var refused: UInt64 = 0
        var progress = BulkAction.Progress.goingOn

        /// How many jobs it may change at an instant.
        func allowance(at now: UInt64) -> UInt64 {
            guard rate > 0 else { return .max }
            let owed = (now - startedAt) * rate / 1_000 + 1
            let done = changed + refused
            return owed > done ? min(owed - done, max(1, rate / 10)) : 0
        }
    }

    func matches(_ job: Job, _ id: UInt64, _ filter: JobFilter) -> Bool {
        if let queue = filter.queue, queue != job.queue { return false }
        if filter.states != 0, filter.states & 1 << UInt16(job.state.rawValue) == 0 { return false }
        if let tag = filter.tag, !job.tags.contains(tag) { return false }
        if let key = filter.uniqueKey, job.wish.unique?.key != key { return false }
        if let ids = filter.ids, !ids.contains(id) { return false }
        if let fingerprint = filter.fingerprint, job.fingerprint != fingerprint { return false }
        if let sessions = filter.sessions {
            guard let session = job.run?.session, sessions.contains(session) else { return false }
        }
        if let since = filter.since, job.createdAt < since { return false }
        return true
    }

    func ids(matching filter: JobFilter) -> [UInt64] {
        jobs.filter { matches($0.value, $0.key, filter) }.keys.sorted()
    }

    var bulksGoingOn: [UInt64: Bulk] { bulks.filter { $0.value.progress == .goingOn } }

    /// Whether some action goes on later.
    var hasRatedBulk: Bool { bulksGoingOn.values.contains { $0.rate > 0 } }

    mutating func step(_ id: UInt64) {
        guard var bulk = bulks[id] else { return }
        let allowance = bulk.allowance(at: now)
        let ahead = ids(matching: bulk.filter).filter { job in
            guard job > bulk.reached, job <= bulk.lastJob, let state = jobs[job]?.state else {
                return false
            }
            return bulk.action.kind.states.contains(state)
        }
        for job in ahead.prefix(Int(clamping: allowance)) {
            if case .done = act(bulk.action, on: job) {
                bulk.changed += 1
            } else {
                bulk.refused += 1
            }
            bulk.reached = job
        }
        if ahead.count < allowance { bulk.progress = .done }
        bulk.next = now + max(20, 1_000 / max(bulk.rate, 1))
        bulks[id] = bulk
    }

    mutating func act(_ action: JobAction, on id: UInt64) -> JobActionOutcome {
        switch action.kind {
        case .cancel: cancel(id, grace: action.grace, reason: action.reason)
        case .retry: retry(id, keepsCounters: action.keepsCounters, at: action.runAt)
        case .delete: delete(id, alsoWaiting: false)
        case .purge: delete(id, alsoWaiting: true)
        case .reprioritise: reprioritise(id, to: action.priority)
        }
    }
}
