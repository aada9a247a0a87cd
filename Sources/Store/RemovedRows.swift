/// Which rows of a pack were removed since the last checkpoint.
///
/// A handle: no reference is counted for a row. Whoever made it frees it.
struct RemovedRows {
    /// Pages that the pack has.
    let pages: Int
    /// How many rows are left, then a bit for each.
    private let words: UnsafeMutablePointer<UInt64>

    init(_ pack: RowPack, pages: Int) {
        self.pages = pages
        let count = 1 + (pack.count + 63) / 64
        words = .allocate(capacity: count)
        words.initialize(repeating: 0, count: count)
        words[0] = UInt64(pack.count)
    }

    func free() { words.deallocate() }

    var left: Int { Int(words[0]) }

    func contains(_ index: Int) -> Bool { words[1 + index >> 6] & 1 << UInt64(index & 63) != 0 }

    /// One that is not among them.
    func insert(_ index: Int) {
        words[1 + index >> 6] |= 1 << UInt64(index & 63)
        words[0] -= 1
    }
}
