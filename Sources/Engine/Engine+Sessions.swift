package import Store

/// A session in memory. It has a row once it subscribes: only a worker has something to lose.
struct Session {
    var secret: UInt64
    var isStored = false
    var isConnected = true
    /// When it ends unless it comes back; 0 while it is connected.
    var graceEnds: UInt64 = 0
    /// Deliveries before its present connection have smaller lease tokens; 0 when there were none, or
    /// its worker has named all that it holds of them.
    var resumedAt: UInt64 = 0
    /// What its worker has named so far.
    var held: Set<HeldJob> = []

    /// The secret of a session whose row was damaged: nobody has it.
    static let unknownSecret: UInt64 = 0

    /// In the row of a session that has said goodbye and whose leases are being given back.
    static let hasEnded = UInt64.max
}

extension Engine {
    package var sessionCount: Int { sessions.count }

    /// - Parameter secret: not 0.
    package func openSession(_ id: UInt64, secret: UInt64) {
        sessions[id] = Session(secret: secret)
    }

    /// Whether the session may go on, on a new connection.
    package func resumeSession(
        _ id: UInt64, secret: UInt64, _ rows: borrowing Transaction
    ) throws -> Bool {
        guard var session = sessions[id], session.secret == secret,
            secret != Session.unknownSecret
        else { return false }
        if session.graceEnds > 0 {
            try Timer(due: session.graceEnds, kind: .session, id).unset(rows)
        }
        session.isConnected = true
        session.graceEnds = 0
        session.resumedAt = counters.nextToken
        session.held = []
        sessions[id] = session
        if session.isStored { try write(session, id, rows) }
        if !cancelling.isEmpty { try repeatCancels(to: id, rows) }
        return true
    }

    /// From now on the session may hold leases: it gets its row.
    package func storeSession(_ id: UInt64, _ rows: borrowing Transaction) throws {
        guard var session = sessions[id], !session.isStored else { return }
        session.isStored = true
        sessions[id] = session
        try write(session, id, rows)
    }

    /// The session's connection broke: it has its grace.
    package func disconnectSession(_ id: UInt64, _ rows: borrowing Transaction) throws {
        guard let session = sessions[id], session.isConnected else { return }
        guard session.isStored else {
            sessions[id] = nil
            return
        }
        try startGrace(id, session, rows)
    }

    /// The session ended of its own will: what it holds is given back as interruptions.
    package func endSession(_ id: UInt64, _ rows: borrowing Transaction) throws {
        try endSession(id, .interrupted, rows)
    }

    func endSession(_ id: UInt64, _ end: SessionEnd, _ rows: borrowing Transaction) throws {
        guard let session = sessions.removeValue(forKey: id) else { return }
        if session.graceEnds > 0 {
            try Timer(due: session.graceEnds, kind: .session, id).unset(rows)
        }
        guard session.isStored else { return }
        if end == .interrupted {
            var ended = session
            ended.graceEnds = Session.hasEnded
            try write(ended, id, rows)
        }
        unheld[id] = nil
        ending[id] = EndingSession(end: end, walk: leaseWalk.join())
    }

    func readSessions(_ rows: borrowing Transaction) throws {
        var stored: [(UInt64, Session)] = []
        let damaged = try rows.survey(Tables.sessions) { key, reader in
            let session = Session(
                secret: try reader.u64(), isStored: true, isConnected: false,
                graceEnds: try reader.u64())
            stored.append((try key.u64(), session))
        }
        stored += try lostSessions(damaged, rows)
        for (id, session) in stored {
            guard session.graceEnds != Session.hasEnded else {
                ending[id] = EndingSession(end: .interrupted, walk: leaseWalk.join())
                continue
            }
            if session.graceEnds > 0 {
                try Timer(due: session.graceEnds, kind: .session, id).unset(rows)
            }
            try startGrace(id, session, rows)
        }
    }

    private func startGrace(_ id: UInt64, _ session: Session, _ rows: borrowing Transaction) throws
    {
        var waiting = session
        waiting.isConnected = false
        waiting.resumedAt = 0
        waiting.held = []
        waiting.graceEnds = stamp.now + configuration.graceMilliseconds
        sessions[id] = waiting
        try write(waiting, id, rows)
        try Timer(due: waiting.graceEnds, kind: .session, id).set(rows)
    }

    private func write(_ session: Session, _ id: UInt64, _ rows: borrowing Transaction) throws {
        try rows.put(Tables.sessions, .job(id)) { writer in
            writer.u64(session.secret)
            writer.u64(session.graceEnds)
        }
    }
}
