import Store

extension Engine {
    /// Sets damaged leases aside. What they held can still be found: jobs in their span that wait in no
    /// run and that no other lease holds. They are given back.
    func mendLeases(_ rows: borrowing Transaction) throws {
        let damaged = try rows.survey(Tables.leases) { _, _ in }
        let sentence = "a lease is set aside and its jobs given back"
        for row in damaged {
            touchedLeases[row.leaseKey] = nil
            try setAside(Tables.leases, Key(row.key), sentence, row.error, rows)
        }
        for row in damaged { try giveBackUnheld(from: row.leaseKey.first, rows) }
        try recountRunning(rows)
    }

    private func giveBackUnheld(from first: UInt64, _ rows: borrowing Transaction) throws {
        let end =
            first < .max - EngineLimits.leaseSpanMax ? first + EngineLimits.leaseSpanMax : first
        for id in first..<end {
            guard let row = try load(id, rows), !row.state.isFinished else { continue }
            let queue = try index(ofQueue: row.queue)
            let state = try mending(rows) { try self.state(of: id, row, rows) }
            guard try state == .running && !isLeased(id, rows), var row = try load(id, rows) else {
                continue
            }
            try giveBack(
                id, &row, startedAt: row.history?.startedAt ?? 0, queue,
                as: .crash("the record of the lease was damaged"), rows)
        }
    }

    func isLeased(_ id: UInt64, _ rows: borrowing Transaction) throws -> Bool {
        if touchedLeases.contains(where: { $0.key.holds(id, $0.row) }) { return true }
        var isLeased = false
        try mending(rows) {
            try scanStoredLeases(over: id, rows) { key, lease in
                guard touchedLeases[key] == nil, key.holds(id, lease) else { return .next }
                isLeased = true
                return .stop
            }
        }
        return isLeased
    }

    /// Of a damaged lease nobody knows how many jobs it held.
    private func recountRunning(_ rows: borrowing Transaction) throws {
        var leases = touchedLeases
        _ = try rows.survey(Tables.leases) { key, reader in
            let key = try LeaseKey(from: &key)
            if leases[key] == nil { leases[key] = try LeaseRow(from: &reader) }
        }
        var running: [UInt32: UInt64] = [:]
        for (_, lease) in leases { running[lease.queue, default: 0] += UInt64(lease.jobs.count) }
        for index in queues.indices {
            let counted = running[queues[index].id] ?? 0
            if queues[index].row.running != counted { count(index) { $0.running = counted } }
        }
    }
}

extension DamagedRow {
    fileprivate var leaseKey: LeaseKey { LeaseKey(first: number(key, 0), token: number(key, 8)) }
}

extension LeaseKey {
    fileprivate func holds(_ id: UInt64, _ lease: LeaseRow) -> Bool {
        id >= first && lease.jobs.contains(id - first)
    }
}
