import CLMDB
import Glibc

/// LMDB's environment: the rows as of the last checkpoint, one named database per table.
///
/// LMDB writes and `SyncedData` syncs. Immutable once open, the blob files aside, so that snapshots may use it from any
/// thread; the write transaction is the store's. Closing it is the store's duty too, when nothing uses it any more.
final class Environment: @unchecked Sendable {
    // Owner: LMDB, which allows `env` from any thread. `handles` is written in `init` only, `isClosed` by
    // the writer thread.
    private let env: OpaquePointer
    /// LMDB's handle for each table id; `noTable` where there is none.
    let handles: UnsafeMutablePointer<UInt32>
    private let path: String
    private let synced: SyncedData
    private var isClosed = false
    let tables: [UInt8: Table]
    let blobs: BlobFiles
    static let noTable = UInt32.max

    /// Opens or creates the file. Address space is only reserved, so the map is as large as the system
    /// allows, up to `mapBytes`.
    init(
        _ path: String, tables: [Table], mapBytes: Int, _ blobs: BlobFiles
    ) throws(StoreError) {
        self.path = path
        self.blobs = blobs
        self.tables = Dictionary(uniqueKeysWithValues: tables.map { ($0.id, $0) })
        let marked = try SyncedData.marked(path)
        if let marked { try MetaPages.forget(after: marked, path) }
        env = try Self.open(path, tableCount: tables.count, mapBytes: mapBytes)
        synced = try SyncedData(path, data: Self.descriptor(env))
        handles = .allocate(capacity: 256)
        handles.initialize(repeating: Self.noTable, count: 256)
        try openTables(tables)
        // Also when the mark says so: it may be one that was read back and never came to the disk.
        let error = synchronize(through: lastTransaction)
        guard error == 0 else { throw .system(error, "syncing \(path)") }
    }

    deinit {
        close()
        handles.deallocate()
    }

    /// Nothing may use the environment meanwhile or later.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        blobs.close()
        mdb_env_close(env)
        synced.close()
    }

    private static func open(
        _ path: String, tableCount: Int, mapBytes: Int
    ) throws(StoreError) -> OpaquePointer {
        let smallestMap = 1 << 28
        var mapBytes = mapBytes
        while true {
            var created: OpaquePointer?
            guard mdb_env_create(&created) == 0, let env = created else {
                throw .system(ENOMEM, "creating LMDB's environment")
            }
            mdb_env_set_mapsize(env, mapBytes)
            mdb_env_set_maxdbs(env, UInt32(tableCount + 2))
            mdb_env_set_maxreaders(env, 256)
            let error = mdb_env_open(
                env, path, UInt32(MDB_NOSUBDIR | MDB_NOTLS | MDB_NOSYNC), 0o600)
            if error == 0 {
                // Readers that died with a process would pin their pages for ever.
                mdb_reader_check(env, nil)
                return env
            }
            mdb_env_close(env)
            guard error == ENOMEM, mapBytes / 2 >= smallestMap else {
                throw .system(error, "opening \(path)")
            }
            mapBytes /= 2
        }
    }

    private func openTables(_ tables: [Table]) throws(StoreError) {
        let transaction = try begin(readOnly: false)
        for table in tables + [.store, .packs] {
            precondition(handles[Int(table.id)] == Self.noTable, "table ids are unique")
            let error = mdb_dbi_open(
                transaction, "\(table.name)", UInt32(MDB_CREATE), &handles[Int(table.id)])
            guard error == 0 else {
                mdb_txn_abort(transaction)
                throw .system(error, "opening table \(table.name)")
            }
        }
        let error = mdb_txn_commit(transaction)
        guard error == 0 else { throw .system(error, "creating the tables") }
    }

    /// Sees to it that every table has the row before all others: once it is known that they are this format's.
    func putFloorRows() throws(StoreError) {
        let transaction = try begin(readOnly: false)
        for handle in UnsafeBufferPointer(start: handles, count: 256) where handle != Self.noTable {
            let error = FloorRow.put(handle, transaction)
            guard error == 0 else {
                mdb_txn_abort(transaction)
                throw .system(error, "preparing the tables of \(path)")
            }
        }
        let before = lastTransaction
        var error = mdb_txn_commit(transaction)
        if error == 0, lastTransaction != before { error = synchronize(through: lastTransaction) }
        guard error == 0 else { throw .system(error, "preparing the tables of \(path)") }
    }

    func begin(readOnly: Bool) throws(StoreError) -> OpaquePointer {
        var transaction: OpaquePointer?
        let error = mdb_txn_begin(env, nil, readOnly ? UInt32(MDB_RDONLY) : 0, &transaction)
        guard error == 0, let transaction else { throw .system(error, "beginning a transaction") }
        return transaction
    }

    /// Pages that hold rows of a table, as the transaction has left it.
    func leafPages(of table: UInt8, _ transaction: OpaquePointer) -> Int {
        var stat = MDB_stat()
        mdb_stat(transaction, handles[Int(table)], &stat)
        return stat.ms_leaf_pages
    }

    func hasTable(_ id: UInt8) -> Bool { handles[Int(id)] != Self.noTable }

    // MARK: Durability

    /// The data file's descriptor; LMDB owns it.
    private static func descriptor(_ env: OpaquePointer) -> Int32 {
        var descriptor: Int32 = -1
        mdb_env_get_fd(env, &descriptor)
        return descriptor
    }

    private var lastTransaction: Int {
        var info = MDB_envinfo()
        mdb_env_info(env, &info)
        return info.me_last_txnid
    }

    /// Makes what was committed last durable.
    /// - Parameter unused: blob files to be removed then.
    func flush(
        _ unused: [BlobFile], observe: @escaping @Sendable (StorePoint) -> Void
    ) -> Flush {
        Flush(self, transaction: lastTransaction, unused: unused, observe: observe)
    }

    /// Returns the error number, 0 for success.
    func synchronize(through transaction: Int) -> Int32 {
        synced.synchronize(through: transaction)
    }

    // MARK: Space

    /// Sees to it that `bytes` of space are there behind the rows: extends the file, or, when the device
    /// or the map is full, counts the pages that deleted rows left free. Returns whether there is enough.
    ///
    /// A quarter must be behind the rows in any case: large values need pages in a row, which the free
    /// ones may not be.
    func reserve(_ bytes: Int) throws(StoreError) -> Bool {
        var info = MDB_envinfo()
        mdb_env_info(env, &info)
        let used = (info.me_last_pgno + 1) * pageBytes
        let ahead = try extend(to: used + bytes, by: bytes / 4, atMost: info.me_mapsize) - used
        if ahead >= bytes { return true }
        guard ahead >= bytes / 4 else { return false }
        return ahead + (try freeBytes()) >= bytes
    }

    /// Extends the file, and by some more so that not every checkpoint does. Returns the size it has then.
    private func extend(to target: Int, by more: Int, atMost limit: Int) throws(StoreError) -> Int {
        let descriptor = Self.descriptor(env)
        let size = try System.size(descriptor, path)
        for wanted in [target + max(target / 16, more), target].map({ min($0, limit) })
        where size < min(target, limit) {
            if try System.extend(descriptor, from: size, to: wanted, path) { return wanted }
        }
        return size
    }

    private var pageBytes: Int {
        var stat = MDB_stat()
        mdb_env_stat(env, &stat)
        return Int(stat.ms_psize)
    }

    /// Bytes in pages that deleted rows left. LMDB keeps them in its database 0: lists of page numbers,
    /// each with its length in front.
    private func freeBytes() throws(StoreError) -> Int {
        let transaction = try begin(readOnly: true)
        defer { mdb_txn_abort(transaction) }
        var cursor: OpaquePointer?
        let error = mdb_cursor_open(transaction, 0, &cursor)
        guard error == 0, let cursor else { throw .system(error, "counting free pages") }
        defer { mdb_cursor_close(cursor) }
        var pages = 0
        var key = MDB_val()
        var list = MDB_val()
        while mdb_cursor_get(cursor, &key, &list, MDB_NEXT) == 0 {
            pages += list.mv_data.loadUnaligned(as: Int.self)
        }
        return pages * pageBytes
    }
}
