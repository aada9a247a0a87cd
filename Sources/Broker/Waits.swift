/// Clients that wait for jobs to finish. Owned by the writer thread; nothing of it is stored: a client
/// whose connection breaks waits again.
struct Waits {
    struct Wait {
        var peer: Peer
        var requestID: UInt64
        var withPayload: Bool
        var withResult: Bool
        /// Milliseconds since 1970.
        var deadline: UInt64
    }

    private var byJob: [UInt64: [Wait]] = [:]
    private(set) var count = 0
    /// When the next one may be over; earlier than that there is nothing to look for.
    private(set) var nextDeadline: UInt64?

    mutating func add(_ wait: Wait, for job: UInt64) {
        byJob[job, default: []].append(wait)
        count += 1
        wait.peer.waits += 1
        nextDeadline = min(nextDeadline ?? .max, wait.deadline)
    }

    /// Removes and returns the waits for a job.
    mutating func take(_ job: UInt64) -> [Wait] {
        let waits = byJob.removeValue(forKey: job) ?? []
        count -= waits.count
        for wait in waits { wait.peer.waits -= 1 }
        return waits
    }

    /// Removes the waits that `isOver` picks; `removed` gets each, `unwatched` each job that nobody waits for any more.
    mutating func remove(
        where isOver: (Wait) -> Bool, removed: (UInt64, Wait) -> Void, unwatched: (UInt64) -> Void
    ) {
        nextDeadline = nil
        for (job, waits) in byJob {
            let kept = waits.filter { !isOver($0) }
            for wait in kept { nextDeadline = min(nextDeadline ?? .max, wait.deadline) }
            guard kept.count < waits.count else { continue }
            for wait in waits where isOver(wait) {
                wait.peer.waits -= 1
                removed(job, wait)
            }
            count -= waits.count - kept.count
            byJob[job] = kept.isEmpty ? nil : kept
            if kept.isEmpty { unwatched(job) }
        }
    }
}
