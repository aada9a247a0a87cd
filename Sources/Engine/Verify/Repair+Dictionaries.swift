import Store

extension Repair {
    /// Sets aside dictionaries whose bytes are not all there, removes bytes that belong to none, and counts anew
    /// who needs each. Comes after the jobs.
    func restoreDictionaries() throws {
        try walk(Tables.dictionaries) { key, reader, rows in
            let (id, index) = (try key.u32(), try key.u32())
            guard index == 0 else {
                let isOwned = try rows.contains(Tables.dictionaries, .dictionary(id))
                if !isOwned { report.orphans += 1 }
                return isOwned ? nil : .remove
            }
            var row = try DictionaryRow(from: &reader)
            guard try rows.isWhole(id, row) else { return .also { try self.setAside(id, $0) } }
            row.references = references[id] ?? 0
            guard !row.isOver else { return .also { try self.remove(id, $0) } }
            return .rewrite { row.write(to: &$0) }
        }
        for (id, count) in references.sorted(by: { $0.key < $1.key }) {
            let isThere = try turn { try $0.contains(Tables.dictionaries, .dictionary(id)) }
            if !isThere { tell("\(count) payloads need dictionary \(id), which is lost") }
        }
    }

    private func setAside(_ id: UInt32, _ rows: borrowing Transaction) throws {
        tell("dictionary \(id) is not whole and set aside")
        if let bytes = try rows.raw(Tables.dictionaries, .dictionary(id)) {
            let key = Key.damaged(Tables.dictionaries, .dictionary(id))
            try rows.put(Tables.damaged, key) { $0.bytes(bytes) }
        }
        try remove(id, rows)
    }

    private func remove(_ id: UInt32, _ rows: borrowing Transaction) throws {
        try rows.clear(Tables.dictionaries, from: .dictionary(id), to: .dictionary(id, .max))
    }
}
