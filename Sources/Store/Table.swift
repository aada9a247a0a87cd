/// One table of the store.
///
/// Ids are written into the log and into every row's check value, so an id never changes its meaning.
/// Names are LMDB's names of the tables. Id 255 and the name "store" are the store's own.
package struct Table: Sendable, Hashable {
    package let id: UInt8
    package let name: StaticString

    package init(id: UInt8, name: StaticString) {
        self.id = id
        self.name = name
    }

    package static func == (one: Table, other: Table) -> Bool {
        one.id == other.id
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(id) }
}

extension Table {
    /// Holds the one row that says how far LMDB has come: see `CheckpointRow`.
    static let store = Table(id: 255, name: "store")
}
