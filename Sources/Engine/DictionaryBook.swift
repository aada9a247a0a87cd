/// All dictionaries but their bytes, mirrored in memory: which there are, which type's is active, and how many
/// payloads and results need each. What a turn changes of that is written when it ends.
struct DictionaryBook {
    private(set) var rows: [UInt32: DictionaryRow] = [:]
    private var active: [String: UInt32] = [:]
    private(set) var changed: Set<UInt32> = []

    subscript(id: UInt32) -> DictionaryRow? { rows[id] }

    func active(of type: String) -> UInt32? { active[type] }

    func count(of type: String) -> Int { rows.values.count { $0.type == type } }

    /// That of the next dictionary of a type.
    func nextVersion(of type: String) -> UInt32 {
        (rows.values.lazy.filter { $0.type == type }.map(\.version).max() ?? 0) + 1
    }

    mutating func add(_ id: UInt32, _ row: DictionaryRow) {
        rows[id] = row
        if !row.isRetired { active[row.type] = id }
    }

    mutating func put(_ id: UInt32, _ row: DictionaryRow) {
        add(id, row)
        changed.insert(id)
    }

    mutating func retire(_ id: UInt32, at now: UInt64) {
        guard var row = rows[id], !row.isRetired else { return }
        row.retiredAt = now
        active[row.type] = nil
        put(id, row)
    }

    /// One payload or result more, or one less, names a dictionary. What names one that damage has taken is
    /// not counted.
    mutating func refer(to id: UInt32, by change: Int64) {
        guard let references = rows[id]?.references else { return }
        rows[id]?.references = UInt64(clamping: Int64(clamping: references) + change)
        changed.insert(id)
    }

    mutating func remove(_ id: UInt32) {
        guard let row = rows.removeValue(forKey: id) else { return }
        if active[row.type] == id { active[row.type] = nil }
    }

    mutating func written() { changed.removeAll(keepingCapacity: true) }
}
