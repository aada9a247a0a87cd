import CLMDB

/// Where rows become mutations: of LMDB's transaction and of the turn's record, from the same bytes.
final class RowStage {
    private(set) var buffer: RecordBuffer
    /// Those of turns that are durable.
    private var idle: [RecordBuffer] = []
    private var buffers: [RecordBuffer]
    let touched = TouchedBlocks()
    var isWriting = false
    /// Rows being read in the open transaction.
    let reading: UnsafeMutablePointer<Int>
    /// A change that LMDB refused leaves its transaction unusable, and so the store.
    private(set) var failure: StoreError?
    /// Where long rows go; nil in the stage of the store's own rows.
    let blobs: BlobFiles?
    /// Of the brief table; nil where there is none.
    let recent: RecentRows?
    let packed: PackedRows?

    /// - Parameters:
    ///   - brief: The table whose newest rows wait in memory.
    ///   - recentBytes: Memory for them.
    init(_ blobs: BlobFiles? = nil, brief: Table? = nil, recentBytes: Int = 0) {
        let touched = touched
        packed = brief.map { PackedRows($0, touched) }
        recent = brief.map { RecentRows($0, capacity: recentBytes) }
        self.blobs = blobs
        buffer = RecordBuffer()
        buffers = [buffer]
        reading = .allocate(capacity: 1)
        reading.initialize(to: 0)
    }

    /// Whoever still writes a turn to the log has ended before.
    deinit {
        for buffer in buffers { buffer.free() }
        recent?.free()
        reading.deallocate()
    }

    /// Goes on in another buffer, while the one in use is written to the log.
    func changeBuffer() {
        if let written = idle.popLast() {
            buffer = written
        } else {
            buffer = RecordBuffer()
            buffers.append(buffer)
        }
    }

    /// Takes one back that was written.
    func takeBack(_ written: RecordBuffer) {
        written.clear()
        idle.append(written)
    }

    func begin(_ key: Key) -> RowWriter {
        checkNothingIsRead()
        isWriting = true
        let at = buffer.next(keyCount: key.count) + Mutation.headerSize
        copy(key, to: at)
        assert(
            !FloorRow.isAt(UnsafeRawBufferPointer(start: at, count: key.count)), "a reserved key")
        return RowWriter(buffer, valueOffset: at + key.count - buffer.base)
    }

    /// - Parameter isMoved: whether it is one of a blob file that is being emptied.
    func finish(
        _ row: borrowing RowWriter, _ table: Table, _ key: Key, _ ascending: Bool, _ view: RowView,
        isMoved: Bool = false
    ) throws(StoreError) {
        isWriting = false
        let rowCount = row.count
        var mutation = Mutation(
            .put, table: table.id, keyCount: key.count, valueCount: rowCount + CheckValue.size)
        buffer.grow(keeping: buffer.count + mutation.size - CheckValue.size, room: CheckValue.size)
        let keyAt = buffer.base + buffer.count + Mutation.headerSize
        let valueAt = keyAt + key.count
        var check = CheckValue.of(table, keyAt: keyAt, keyCount: key.count, valueCount: rowCount)
        valueAt.store(check, at: rowCount)
        let keyBytes = UnsafeRawBufferPointer(start: keyAt, count: key.count)
        if table.isLong, let reference = moveOut(mutation, isMoved) {
            mutation.valueCount = BlobReference.storedSize
            check = reference.store(at: valueAt, table, keyAt: keyAt, keyCount: key.count)
        }
        let value = UnsafeRawBufferPointer(start: valueAt, count: mutation.valueCount)
        try changed(view.put(table, keyBytes, value, ascending: ascending), table)
        if !view.isInMemory(table, keyBytes) { touched.touch(table, keyBytes) }
        buffer.finish(mutation, check: check)
    }

    private func moveOut(_ mutation: Mutation, _ isMoved: Bool) -> BlobReference? {
        guard let blobs else { return nil }
        let at = buffer.base + buffer.count
        mutation.encode(at: at)
        let record = UnsafeRawBufferPointer(start: at, count: mutation.size)
        return isMoved ? blobs.takeMoved(record, mutation) : blobs.take(record, mutation)
    }

    func delete(_ table: Table, _ key: Key, _ view: RowView) throws(StoreError) -> Bool {
        checkNothingIsRead()
        let keyAt = buffer.next(keyCount: key.count) + Mutation.headerSize
        copy(key, to: keyAt)
        let keyBytes = UnsafeRawBufferPointer(start: keyAt, count: key.count)
        let isInMemory = view.isInMemory(table, keyBytes)
        let error = view.delete(table, keyBytes)
        if error == MDB_NOTFOUND { return false }
        try changed(error, table)
        if !isInMemory { touched.touch(table, keyBytes) }
        buffer.finish(Mutation(.delete, table: table.id, keyCount: key.count, valueCount: 0))
        return true
    }

    /// Removes the row that a cursor has found.
    func delete(
        _ table: Table, _ entry: RowCursor.Entry, at cursor: inout RowCursor, _ view: RowView
    ) throws(StoreError) {
        checkNothingIsRead()
        let key = entry.key
        let keyAt = buffer.next(keyCount: key.count) + Mutation.headerSize
        UnsafeMutableRawBufferPointer(start: keyAt, count: key.count).copyMemory(from: key)
        view.release(entry.value, table, key)
        let isOnPage = cursor.isOnPage
        try changed(cursor.delete(), table)
        if isOnPage {
            touched.touch(table, UnsafeRawBufferPointer(start: keyAt, count: key.count))
        }
        buffer.finish(Mutation(.delete, table: table.id, keyCount: key.count, valueCount: 0))
    }

    /// Removes a pack that can't be read, if it has this place. The log does not have that: what crashes is repeated.
    func takeDamagedPack(_ key: Key, _ view: RowView) throws(StoreError) -> [UInt8]? {
        checkNothingIsRead()
        guard let packed,
            let (pack, index) = try key.withBytes({ key throws(StoreError) in
                try view.packed(key)
            }), pack.isDamaged
        else { return nil }
        let bytes = Array(pack.bytes)
        try changed(packed.remove(index, of: pack, view).error, .packs)
        return bytes
    }

    /// Bytes of changes since the last commit.
    var byteCount: Int { buffer.count + (blobs?.bytesFilled ?? 0) }

    /// Writes rows of the blob file that is being emptied anew, about `bytesMax` of them, and looks at no more than
    /// `recordsMax`.
    func compact(
        bytesMax: Int, recordsMax: Int, _ view: RowView
    ) throws(StoreError) {
        guard let blobs else { return }
        let enough = byteCount + bytesMax
        var looks = 0
        while byteCount < enough, looks < recordsMax, let record = blobs.nextOfVictim() {
            looks += 1
            guard let table = view.table(record.table),
                let stored = try view.find(table, record.key),
                BlobReference(stored, table: table, key: record.key) == record.reference
            else { continue }
            let isMoved = try move(record, of: table, view)
            // What finds no room in a file is not to fill the tables instead.
            guard isMoved else { return }
        }
    }

    /// - Returns: false when the batch is full: it is the next turn's.
    private func move(
        _ record: BlobRecord, of table: Table, _ view: RowView
    ) throws(StoreError) -> Bool {
        // A damaged one stays as it is.
        guard let reader = try? RowReader(verifying: record.value, table: table, key: record.key)
        else { return true }
        guard blobs?.hasRoom(forMoved: record) == true else { return false }
        let key = Key(record.key)
        var row = begin(key)
        row.bytes(reader.unread)
        try finish(row, table, key, false, view, isMoved: true)
        return true
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
