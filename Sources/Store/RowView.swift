import CLMDB

/// A view of the rows: LMDB's transaction and handles.
package struct RowView {
    let transaction: OpaquePointer
    // The store or the snapshot keeps both: a view is copied for every row.
    unowned(unsafe) private let environment: Environment
    /// The environment's.
    private let handles: UnsafePointer<UInt32>
    /// Rows being read in the write transaction: none may be written meanwhile. nil in a snapshot.
    private let reading: UnsafeMutablePointer<Int>?
    /// A snapshot's; nil in the write transaction.
    unowned(unsafe) private let pinned: BlobSet?
    /// Those that are not in LMDB yet; nil in a snapshot, which was taken when all were.
    private let recent: RecentRows?
    /// Which rows of packs were removed in the write transaction; nil in a snapshot.
    unowned(unsafe) let packed: PackedRows?

    init(
        _ transaction: OpaquePointer, _ environment: Environment,
        reading: UnsafeMutablePointer<Int>? = nil, recent: RecentRows? = nil,
        packed: PackedRows? = nil, pinned: BlobSet? = nil
    ) {
        self.transaction = transaction
        self.recent = recent
        self.packed = packed
        self.environment = environment
        handles = UnsafePointer(environment.handles)
        self.reading = reading
        self.pinned = pinned
    }

    func handle(_ table: UInt8) -> UInt32 {
        let handle = handles[Int(table)]
        precondition(handle != Environment.noTable, "the store was opened without this table")
        return handle
    }

    func table(_ id: UInt8) -> Table? { environment.tables[id] }

    var longTables: [Table] { environment.tables.values.filter(\.isLong) }

    func recent(of table: Table) -> RecentRows? { table.id == recent?.table.id ? recent : nil }

    /// Whether a row, if the table has it, is on none of LMDB's pages yet.
    func isInMemory(_ table: Table, _ key: UnsafeRawBufferPointer) -> Bool {
        recent(of: table)?.covers(key) == true
    }

    /// Whether LMDB has a row by itself.
    func isOnPage(_ table: Table, _ key: UnsafeRawBufferPointer) -> Bool {
        var keyValue = MDB_val(key)
        var value = MDB_val()
        return mdb_get(transaction, handle(table.id), &keyValue, &value) == 0
    }

    func beginReading() { reading?.pointee += 1 }
    func endReading() { reading?.pointee -= 1 }

    func find(
        _ table: Table, _ key: UnsafeRawBufferPointer
    ) throws(StoreError) -> UnsafeRawBufferPointer? {
        guard key.count > 0 else { return nil }
        if let recent = recent(of: table), recent.covers(key) { return recent.find(key) }
        var keyValue = MDB_val(key)
        var value = MDB_val()
        let error = mdb_get(transaction, handle(table.id), &keyValue, &value)
        if error == MDB_NOTFOUND {
            guard table.isBrief, let (pack, index) = try packed(key) else { return nil }
            return pack.entry(index).value
        }
        guard error == 0 else { throw .system(error, "reading table \(table.name)") }
        return UnsafeRawBufferPointer(value)
    }

    /// The largest key of a table's pages; the floor row's when there is no other, nil when it can't be read.
    func lastKey(of table: Table) -> Key? {
        var cursor: OpaquePointer?
        guard mdb_cursor_open(transaction, handle(table.id), &cursor) == 0 else { return nil }
        defer { mdb_cursor_close(cursor) }
        var key = MDB_val()
        var value = MDB_val()
        guard mdb_cursor_get(cursor, &key, &value, MDB_LAST) == 0, key.mv_size <= Key.capacity
        else { return nil }
        return Key(UnsafeRawBufferPointer(key))
    }
}

// MARK: - Long rows

extension RowView {
    /// The stored value of a row, wherever it is.
    func resolve(
        _ stored: UnsafeRawBufferPointer, _ table: Table, _ key: UnsafeRawBufferPointer
    ) throws(StoreError) -> UnsafeRawBufferPointer {
        guard table.isLong, let reference = BlobReference(stored, table: table, key: key) else {
            return stored
        }
        let found = pinned.map { $0.bytes(reference) } ?? environment.blobs.bytes(reference)
        guard let found else {
            throw .damaged(table, key, "blob file \(reference.file) does not hold it")
        }
        return found
    }

    /// A row is removed or replaced: what it refers to becomes garbage.
    func release(
        _ stored: UnsafeRawBufferPointer, _ table: Table, _ key: UnsafeRawBufferPointer
    ) {
        guard table.isLong, let reference = BlobReference(stored, table: table, key: key) else {
            return
        }
        environment.blobs.release(reference, keyCount: key.count)
    }

    private func release(_ table: Table, _ key: UnsafeRawBufferPointer) {
        guard table.isLong else { return }
        var keyValue = MDB_val(key)
        var value = MDB_val()
        guard mdb_get(transaction, handle(table.id), &keyValue, &value) == 0 else { return }
        release(UnsafeRawBufferPointer(value), table, key)
    }
}

extension RowReader {
    init(of entry: RowCursor.Entry, _ table: Table, _ view: RowView) throws(StoreError) {
        try self.init(
            verifying: view.resolve(entry.value, table, entry.key), table: table, key: entry.key)
    }
}

// MARK: - Changes

extension RowView {
    /// Returns LMDB's error number.
    /// - Parameter value: right behind the key where that is `ascending`.
    func put(
        _ table: Table, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer,
        ascending: Bool
    ) -> Int32 {
        if let recent = recent(of: table) {
            precondition(key.count == RecentRows.keyCount, "keys of a brief table are numbers")
            if ascending {
                assert(key.baseAddress.map { $0 + key.count } == value.baseAddress)
                let bytes = UnsafeRawBufferPointer(
                    start: key.baseAddress, count: key.count + value.count)
                let (isTaken, error) = recent.take(bytes, self)
                guard !isTaken, error == 0 else { return error }
            }
            if recent.covers(key) {
                if recent.replace(key, value) { return 0 }
                let error = recent.store(through: key, self)
                guard error == 0 else { return error }
            }
            recent.noteStored(key)
            let error = removeFromPack(key)
            guard error == 0 || error == MDB_NOTFOUND else { return error }
        }
        if ascending {
            let error = store(table, key, value)
            if error != MDB_KEYEXIST { return error }
        }
        release(table, key)
        var keyValue = MDB_val(key)
        var value = MDB_val(value)
        return mdb_put(transaction, handle(table.id), &keyValue, &value, 0)
    }

    /// Puts a row behind all others on the table's pages. Returns LMDB's error number.
    func store(
        _ table: Table, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
    ) -> Int32 {
        var keyValue = MDB_val(key)
        var value = MDB_val(value)
        return mdb_put(
            transaction, handle(table.id), &keyValue, &value, UInt32(MDB_APPEND))
    }

    func delete(_ table: Table, _ key: UnsafeRawBufferPointer) -> Int32 {
        if let recent = recent(of: table), recent.covers(key) {
            return recent.remove(key) ? 0 : MDB_NOTFOUND
        }
        release(table, key)
        var keyValue = MDB_val(key)
        let error = mdb_del(transaction, handle(table.id), &keyValue, nil)
        guard table.isBrief, error == 0 || error == MDB_NOTFOUND else { return error }
        let ofPack = removeFromPack(key)
        return error == 0 && ofPack == MDB_NOTFOUND ? 0 : ofPack
    }

    /// Makes a logged change; returns LMDB's error number. Deleting what is not there is no error.
    func apply(_ mutation: Mutation, _ bytes: UnsafeRawBufferPointer) -> Int32 {
        let key = UnsafeRawBufferPointer(
            rebasing: bytes[Mutation.headerSize...].prefix(mutation.keyCount))
        guard let table = table(mutation.table) else { return MDB_NOTFOUND }
        switch mutation.operation {
        case .put:
            let value = UnsafeRawBufferPointer(rebasing: bytes.suffix(mutation.valueCount))
            if let reference = BlobReference(value, table: table, key: key) {
                environment.blobs.restore(reference, keyCount: key.count)
            }
            // Most jobs in the log are done by its end.
            return put(table, key, value, ascending: table.isBrief)
        case .delete:
            let error = delete(table, key)
            return error == MDB_NOTFOUND ? 0 : error
        }
    }
}

extension MDB_val {
    init(_ bytes: UnsafeRawBufferPointer) {
        self.init(
            mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }
}

extension UnsafeRawBufferPointer {
    init(_ value: MDB_val) { self.init(start: value.mv_data, count: value.mv_size) }
}
