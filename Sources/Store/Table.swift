/// One table of the store.
///
/// Ids are written into the log and into every row's check value, so an id never changes its meaning.
/// Names are LMDB's names of the tables. Ids 254 and 255 and the names "packs" and "store" are the store's own.
package struct Table: Sendable, Hashable {
    package let id: UInt8
    package let name: StaticString
    /// Whether it has rows of a kilobyte and more, which may be kept beside it: see `BlobFiles`.
    package let isLong: Bool
    /// Whether its newest rows mostly go soon, and wait for that in memory, and others are packed: see `RecentRows` and
    /// `PackedRows`. One table at most, whose keys are numbers and whose rows are not long.
    package let isBrief: Bool

    package init(id: UInt8, name: StaticString, isLong: Bool = false, isBrief: Bool = false) {
        self.id = id
        self.name = name
        self.isLong = isLong
        self.isBrief = isBrief
    }

    package static func == (one: Table, other: Table) -> Bool {
        one.id == other.id
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(id) }
}

extension Table {
    /// Says how far LMDB has come, and what is in the blob files: see `CheckpointRow` and `BlobAccount`.
    static let store = Table(id: 255, name: "store")
}
