/// A place among the rows of packs.
struct PackCursor {
    private let view: RowView
    private var pack: RowPack?
    private var index = 0

    init(_ view: RowView) { self.view = view }

    mutating func seek(
        _ key: UnsafeRawBufferPointer, _ direction: RowCursor.Direction
    ) throws(StoreError) -> RowCursor.Entry? {
        let (number, isWhole) = RecentRows.number(of: key)
        switch direction {
        case .atOrAfter:
            let isBehind = key.count > RecentRows.keyCount
            guard !isBehind || number < .max else { return nil }
            return try seek(atOrAfter: isBehind ? number + 1 : number)
        case .atOrBefore:
            guard isWhole || number > 0 else { return nil }
            return try seek(atOrBefore: isWhole ? number : number - 1)
        }
    }

    mutating func last() throws(StoreError) -> RowCursor.Entry? { try seek(atOrBefore: .max) }

    mutating func step(reverse: Bool) throws(StoreError) -> RowCursor.Entry? {
        index += reverse ? -1 : 1
        return reverse ? try previous() : try next()
    }

    /// Whether the row that was found last stands for a pack that can't be read.
    var isDamaged: Bool { pack?.isDamaged == true }

    /// Removes the row that was found last. Returns LMDB's error number.
    mutating func delete() -> Int32 {
        guard let pack, let packed = view.packed else { preconditionFailure("no row was found") }
        // It is to be looked at, and set aside whole.
        guard !pack.isDamaged else { return 0 }
        let (error, isGone) = packed.remove(index, of: pack, view)
        // The next step leads to a neighbour either way.
        if isGone { self.pack?.becomeEmpty() }
        return error
    }

    private mutating func seek(atOrAfter number: UInt64) throws(StoreError) -> RowCursor.Entry? {
        pack = try view.pack(.atOrBefore, number)
        guard let pack else {
            self.pack = try view.pack(.atOrAfter, number)
            index = 0
            return try next()
        }
        index = pack.search(number)
        return try next()
    }

    private mutating func seek(atOrBefore number: UInt64) throws(StoreError) -> RowCursor.Entry? {
        pack = try view.pack(.atOrBefore, number)
        guard let pack else { return nil }
        let found = pack.search(number)
        index = found < pack.count && pack.key(found) == number ? found : found - 1
        return try previous()
    }

    private mutating func next() throws(StoreError) -> RowCursor.Entry? {
        while let pack {
            while index < pack.count {
                if !view.isRemoved(index, of: pack) { return pack.entry(index) }
                index += 1
            }
            guard pack.number < .max else { break }
            self.pack = try view.pack(.atOrAfter, pack.number + 1)
            index = 0
        }
        pack = nil
        return nil
    }

    private mutating func previous() throws(StoreError) -> RowCursor.Entry? {
        while let pack {
            index = min(index, pack.count - 1)
            while index >= 0 {
                if !view.isRemoved(index, of: pack) { return pack.entry(index) }
                index -= 1
            }
            guard pack.number > 0 else { break }
            self.pack = try view.pack(.atOrBefore, pack.number - 1)
            index = .max
        }
        self.pack = nil
        return nil
    }
}
