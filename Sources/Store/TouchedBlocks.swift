/// About how many places of the tables were changed since the last checkpoint: neighbours share a page, and every
/// page that was changed is written by the checkpoint. Bytes logged say little of that where rows are changed here
/// and there.
///
/// Keys that begin with nearly the same number count as one place; two places that share a bit count once, so that
/// the number is a little too small when it is large. Owned by the store, on the writer thread.
final class TouchedBlocks {
    private(set) var count = 0
    /// By the table's id: no more of its pages can have changed than it has.
    private(set) var countsByTable = [Int](repeating: 0, count: 256)
    private let words: UnsafeMutableBufferPointer<UInt64>
    /// The place that was changed last: the next row is mostly beside it.
    private var lastBlock: UInt64?

    /// Consecutive numbers that are one place: about as many jobs as share a page.
    private static let numbersBits: UInt64 = 4
    private static let bits = 65_536

    init() {
        words = .allocate(capacity: TouchedBlocks.bits / 64)
        words.initialize(repeating: 0)
    }

    deinit { words.deallocate() }

    func touch(_ table: Table, _ key: UnsafeRawBufferPointer) {
        let number = key.count < 8 ? 0 : UInt64(bigEndian: key.loadUnaligned(as: UInt64.self))
        let block = (number >> TouchedBlocks.numbersBits) << 8 | UInt64(table.id)
        guard block != lastBlock else { return }
        lastBlock = block
        let bit = Int((block &* 0x9e37_79b9_7f4a_7c15) >> 48)
        let mask: UInt64 = 1 << (UInt64(bit) & 63)
        guard words[bit >> 6] & mask == 0 else { return }
        words[bit >> 6] |= mask
        count += 1
        countsByTable[Int(table.id)] += 1
    }

    func clear() {
        guard count > 0 else { return }
        words.update(repeating: 0)
        lastBlock = nil
        count = 0
        for table in countsByTable.indices { countsByTable[table] = 0 }
    }
}
