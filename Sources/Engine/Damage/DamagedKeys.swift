import Store

extension Engine {
    /// Who holds a unique key is written anew: its row's own key names the job, which knows the rest.
    func mendKey(_ key: [UInt8], _ error: StoreError, _ rows: borrowing Transaction) throws {
        let sentence = "the record of a unique key is set aside and made anew from its job"
        guard try setAside(Tables.unique, Key(key), sentence, error, rows) else { throw error }
        let id = number(key, 12)
        guard let row = try load(id, rows), let unique = row.options?.unique, unique.isHeld,
            Key.unique(row.queue, unique.key, job: id) == Key(key)
        else { return }
        try hold(unique, id, row, rows)
    }
}
