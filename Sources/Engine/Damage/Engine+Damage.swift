import Store

/// Records that do not match their check value are taken out of the way: reported, kept as they are
/// for whoever wants to look at them, and never acted upon. What they said is found again in other
/// rows as far as these know it. One of them stops nothing else.
///
/// All of this runs only when damage was found.
extension Engine {
    /// Sets a job aside: it is never delivered.
    func setAside(_ id: UInt64, _ error: StoreError, _ rows: borrowing Transaction) throws {
        if watched.contains(id) { finishedWatched.append(id) }
        try setAside(Tables.jobs, .job(id), "job \(id) is set aside", error, rows)
        try mending(rows) { try forgetNotes(id, rows) }
        try recountGroups(without: id, rows)
    }

    /// Moves a row to the damaged ones and says so.
    /// - Returns: whether it was there.
    @discardableResult
    func setAside(
        _ table: Table, _ key: Key, _ sentence: String, _ error: StoreError,
        _ rows: borrowing Transaction
    ) throws -> Bool {
        damage.append("\(sentence): \(error.message)")
        guard let bytes = try rows.take(table, key) else { return false }
        try rows.put(Tables.damaged, .damaged(table, key)) { $0.bytes(bytes) }
        return true
    }

    func readTimes(_ rows: borrowing Transaction) throws {
        var damaged: [DamagedRow] = []
        times = try TimesBook(reading: rows, &damaged)
        for row in damaged {
            let sentence = "how long some jobs took is set aside"
            try setAside(Tables.times, Key(row.key), sentence, row.error, rows)
        }
    }

    /// Reads leases, the index, timers, notes, keys, groups or actions; when a row of them is damaged, what
    /// it said is put together again, and then they are read again. `read` must have changed nothing when
    /// it throws.
    func mending<R>(_ rows: borrowing Transaction, _ read: () throws -> R) throws -> R {
        var mended: StoreError?
        while true {
            do {
                return try read()
            } catch let error as StoreError where error != mended {
                // What is still damaged when it was mended can't be: a page is, and not a row.
                mended = error
                guard case .damaged(let table, let key) = error.code else { throw error }
                switch table {
                case Tables.leases where key.count == 16: try mendLeases(rows)
                case Tables.index where key.count >= 4:
                    try mendRuns(ofQueue: UInt32(number(key, 0, bytes: 4)), rows)
                case Tables.timers where !key.isEmpty: try mendTimer(key, error, rows)
                case Tables.unique where key.count == 20: try mendKey(key, error, rows)
                case Tables.groups where key.count == 12: try mendGroup(key, error, rows)
                case Tables.actions where key.count == 8: try mendAction(key, error, rows)
                case Tables.notes:
                    let sentence = "a record of notes is set aside"
                    try setAside(table, Key(key), sentence, error, rows)
                default: throw error
                }
            }
        }
    }
}

extension Key {
    init(_ bytes: [UInt8]) {
        self.init()
        for byte in bytes { u8(byte) }
    }
}

/// Some bytes of a key as a number.
func number(_ key: [UInt8], _ offset: Int, bytes: Int = 8) -> UInt64 {
    key.dropFirst(offset).prefix(bytes).reduce(0) { $0 << 8 | UInt64($1) }
}
