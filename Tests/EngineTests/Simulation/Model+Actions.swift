@testable import Engine

extension Model {
    /// An action on many jobs, to be carried out by the next tick.
    struct Bulk {
        var id: UInt64
        var action: JobAction
        var filter: JobFilter
        var lastJob: UInt64
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

    mutating func carryOutBulks() {
        for bulk in bulks {
            var (changed, refused) = (UInt64(0), UInt64(0))
            for id in ids(matching: bulk.filter) where id <= bulk.lastJob {
                guard let state = jobs[id]?.state, bulk.action.kind.states.contains(state) else {
                    continue
                }
                if case .done = act(bulk.action, on: id) { changed += 1 } else { refused += 1 }
            }
            bulksDone[bulk.id] = [changed, refused]
        }
        bulks = []
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
