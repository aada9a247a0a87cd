import CLMDB

/// A view of the rows: LMDB's transaction and handles.
package struct RowView {
    let transaction: OpaquePointer
    private let environment: Environment
    /// The environment's.
    private let handles: UnsafePointer<UInt32>
    /// Rows being read in the write transaction: none may be written meanwhile. nil in a snapshot.
    private let reading: UnsafeMutablePointer<Int>?

    init(
        _ transaction: OpaquePointer, _ environment: Environment,
        reading: UnsafeMutablePointer<Int>? = nil
    ) {
        self.transaction = transaction
        self.environment = environment
        handles = UnsafePointer(environment.handles)
        self.reading = reading
    }

    func handle(_ table: UInt8) -> UInt32 {
        let handle = handles[Int(table)]
        precondition(handle != Environment.noTable, "the store was opened without this table")
        return handle
    }

    func beginReading() { reading?.pointee += 1 }
    func endReading() { reading?.pointee -= 1 }

    func find(
        _ table: Table, _ key: UnsafeRawBufferPointer
    ) throws(StoreError) -> UnsafeRawBufferPointer? {
        guard key.count > 0 else { return nil }
        var keyValue = MDB_val(key)
        var value = MDB_val()
        let error = mdb_get(transaction, handle(table.id), &keyValue, &value)
        if error == MDB_NOTFOUND { return nil }
        guard error == 0 else { throw .system(error, "reading table \(table.name)") }
        return UnsafeRawBufferPointer(value)
    }
}

extension RowView {
    /// Returns LMDB's error number.
    func put(
        _ table: UInt8, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer,
        ascending: Bool
    ) -> Int32 {
        var key = MDB_val(key)
        var value = MDB_val(value)
        let handle = handle(table)
        if ascending {
            let error = mdb_put(transaction, handle, &key, &value, UInt32(MDB_APPEND))
            if error != MDB_KEYEXIST { return error }
        }
        return mdb_put(transaction, handle, &key, &value, 0)
    }

    func delete(_ table: UInt8, _ key: UnsafeRawBufferPointer) -> Int32 {
        var key = MDB_val(key)
        return mdb_del(transaction, handle(table), &key, nil)
    }

    /// Makes a logged change; returns LMDB's error number. Deleting what is not there is no error.
    func apply(_ mutation: Mutation, _ bytes: UnsafeRawBufferPointer) -> Int32 {
        let key = UnsafeRawBufferPointer(
            rebasing: bytes[Mutation.headerSize...].prefix(mutation.keyCount))
        switch mutation.operation {
        case .put:
            let value = UnsafeRawBufferPointer(rebasing: bytes.suffix(mutation.valueCount))
            return put(mutation.table, key, value, ascending: false)
        case .delete:
            let error = delete(mutation.table, key)
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
