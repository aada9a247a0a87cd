package import Store

/// A job as its worker names it: the id alone would not tell a delivery from an earlier one.
struct HeldJob: Hashable {
    var id: UInt64
    var token: UInt64
}

// What a worker that resumed its session says of its earlier connections' deliveries: jobs that were on
// their way when one broke never reached it, and nobody else knows.

extension Engine {
    /// The session's worker says that it holds a job under a token.
    /// - Returns: false when the lease is lost.
    package func hold(
        _ id: UInt64, token: UInt64, session: UInt64, _ rows: borrowing Transaction
    ) throws -> Bool {
        guard let (_, lease) = try findLease(of: id, token: token, rows), lease.session == session
        else { return false }
        if token < sessions[session]?.resumedAt ?? 0 {
            sessions[session]?.held.insert(HeldJob(id: id, token: token))
        }
        return true
    }

    /// The session's worker has named all that it holds: the rest of what was delivered before it resumed
    /// goes back to ready, in this turn and those after it, as interruptions.
    package func holdsNothingElse(session id: UInt64) {
        guard let session = sessions[id], session.isStored, session.resumedAt > 0 else { return }
        unheld[id] = UnheldLeases(
            before: session.resumedAt, held: session.held, walk: leaseWalk.join())
        sessions[id]?.resumedAt = 0
        sessions[id]?.held = []
    }
}
