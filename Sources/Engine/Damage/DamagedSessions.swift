import Store

extension Engine {
    /// A session whose row is damaged is one whose worker is lost: it can't be resumed, since nobody knows
    /// its secret, and what it holds is given back after the grace.
    func lostSessions(
        _ damaged: [DamagedRow], _ rows: borrowing Transaction
    ) throws -> [(UInt64, Session)] {
        var lost: [(UInt64, Session)] = []
        for row in damaged {
            let id = number(row.key, 0)
            let sentence = "session \(id) is set aside, and ends after the grace"
            try setAside(Tables.sessions, Key(row.key), sentence, row.error, rows)
            lost.append((id, Session(secret: Session.unknownSecret, isStored: true)))
        }
        guard !lost.isEmpty else { return [] }
        try unsetTimers(of: Set(lost.map(\.0)), rows)
        return lost
    }

    private func unsetTimers(of ids: Set<UInt64>, _ rows: borrowing Transaction) throws {
        var timers: [Timer] = []
        _ = try rows.survey(Tables.timers) { key, _ in
            let timer = try Timer(from: &key)
            if timer.kind == .session, ids.contains(timer.first) { timers.append(timer) }
        }
        for timer in timers { try timer.unset(rows) }
    }
}
