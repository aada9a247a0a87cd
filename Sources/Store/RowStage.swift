import CLMDB

/// Where rows become mutations: of LMDB's transaction and of the turn's record, from the same bytes.
final class RowStage {
    private(set) var buffer = RecordBuffer()
    /// The one that the turn before was recorded in.
    private var other: RecordBuffer?
    let touched = TouchedBlocks()
    var isWriting = false
    /// Rows being read in the open transaction.
    let reading: UnsafeMutablePointer<Int>
    /// A change that LMDB refused leaves its transaction unusable, and so the store.
    private(set) var failure: StoreError?

    init() {
        reading = .allocate(capacity: 1)
        reading.initialize(to: 0)
    }

    deinit { reading.deallocate() }

    /// Goes on in another buffer, while the one in use is written to the log.
    func changeBuffer() {
        let next = other ?? RecordBuffer()
        other = buffer
        buffer = next
    }

    func begin(_ key: Key) -> RowWriter {
        checkNothingIsRead()
        isWriting = true
        // Held once: every look at a property of an object counts a reference.
        let buffer = buffer
        let at = buffer.next(keyCount: key.count) + Mutation.headerSize
        copy(key, to: at)
        assert(
            !FloorRow.isAt(UnsafeRawBufferPointer(start: at, count: key.count)), "a reserved key")
        return RowWriter(buffer, valueOffset: at + key.count - buffer.base)
    }

    func finish(
        _ rowCount: Int, _ table: Table, _ key: Key, _ ascending: Bool, _ view: RowView
    ) throws(StoreError) {
        isWriting = false
        let buffer = buffer
        let mutation = Mutation(
            .put, table: table.id, keyCount: key.count, valueCount: rowCount + CheckValue.size)
        buffer.grow(keeping: buffer.count + mutation.size - CheckValue.size, room: CheckValue.size)
        let keyAt = buffer.base + buffer.count + Mutation.headerSize
        let valueAt = keyAt + key.count
        let check = CheckValue.of(table, keyAt: keyAt, keyCount: key.count, valueCount: rowCount)
        valueAt.store(check, at: rowCount)
        let keyBytes = UnsafeRawBufferPointer(start: keyAt, count: key.count)
        let value = UnsafeRawBufferPointer(start: valueAt, count: mutation.valueCount)
        try changed(view.put(table.id, keyBytes, value, ascending: ascending), table)
        touched.touch(table, keyAt, keyCount: key.count)
        buffer.finish(mutation, check: check)
    }

    func delete(_ table: Table, _ key: Key, _ view: RowView) throws(StoreError) -> Bool {
        checkNothingIsRead()
        let keyAt = buffer.next(keyCount: key.count) + Mutation.headerSize
        copy(key, to: keyAt)
        let error = view.delete(table.id, UnsafeRawBufferPointer(start: keyAt, count: key.count))
        if error == MDB_NOTFOUND { return false }
        try changed(error, table)
        touched.touch(table, keyAt, keyCount: key.count)
        buffer.finish(Mutation(.delete, table: table.id, keyCount: key.count, valueCount: 0))
        return true
    }

    /// Removes the row that a cursor has found.
    func delete(
        _ table: Table, _ key: UnsafeRawBufferPointer, at cursor: borrowing RowCursor
    ) throws(StoreError) {
        checkNothingIsRead()
        let keyAt = buffer.next(keyCount: key.count) + Mutation.headerSize
        UnsafeMutableRawBufferPointer(start: keyAt, count: key.count).copyMemory(from: key)
        try changed(cursor.delete(), table)
        touched.touch(table, keyAt, keyCount: key.count)
        buffer.finish(Mutation(.delete, table: table.id, keyCount: key.count, valueCount: 0))
    }

    private func copy(_ key: Key, to at: UnsafeMutableRawPointer) {
        key.withBytes {
            UnsafeMutableRawBufferPointer(start: at, count: $0.count).copyMemory(from: $0)
        }
    }

    private func checkNothingIsRead() {
        precondition(reading.pointee == 0, "read a row first, then write: its bytes may move")
        precondition(!isWriting, "a row is written inside the closure of another")
    }

    private func changed(_ error: Int32, _ table: Table) throws(StoreError) {
        guard error != 0 else { return }
        let failure = StoreError.unknownOutcome(error, "changing table \(table.name)")
        self.failure = failure
        throw failure
    }
}
