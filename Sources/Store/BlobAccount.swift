import CLMDB

/// What is in a blob file as of the last checkpoint: a row in the store's own table.
struct BlobAccount: Equatable {
    var file: UInt32
    /// Where the records end.
    var end = 0
    /// Bytes of records that rows refer to.
    var live = 0

    private static let kind = Key().adding(u8: 2)

    private static func key(_ file: UInt32) -> Key { kind.adding(u32: file) }

    /// As a checkpoint wrote them, or, if one of them is damaged, counted anew and so not as they are stored; those
    /// without live bytes are there for being stored.
    static func all(_ view: RowView) throws(StoreError) -> (found: [BlobAccount], areRight: Bool) {
        let (stored, damaged) = try stored(view)
        guard !damaged.isEmpty else { return (stored, true) }
        let counted = try counted(view)
        let known = Set(counted.map(\.file))
        let others = (stored.map(\.file) + damaged).filter { !known.contains($0) }
        return (counted + others.map { BlobAccount(file: $0) }, false)
    }

    /// What the rows of all tables refer to.
    static func counted(_ view: RowView) throws(StoreError) -> [BlobAccount] {
        var accounts: [UInt32: BlobAccount] = [:]
        for table in view.longTables {
            var cursor = try RowCursor(view, table)
            var found = try cursor.seek(Key(), .atOrAfter)
            while let entry = found {
                if let reference = BlobReference(entry.value, table: table, key: entry.key) {
                    accounts[reference.file, default: BlobAccount(file: reference.file)]
                        .add(reference, keyCount: entry.key.count)
                }
                found = try cursor.step(reverse: false)
            }
        }
        return accounts.values.sorted { $0.file < $1.file }
    }

    mutating func add(_ reference: BlobReference, keyCount: Int) {
        end = max(end, Int(reference.offset) + Int(reference.count))
        live += reference.recordBytes(keyCount: keyCount)
    }

    private static func stored(
        _ view: RowView
    ) throws(StoreError) -> (accounts: [BlobAccount], damaged: [UInt32]) {
        var cursor = try RowCursor(view, .store)
        var accounts: [BlobAccount] = []
        var damaged: [UInt32] = []
        var found = try cursor.seek(kind, .atOrAfter)
        while let entry = found {
            var key = KeyReader(entry.key, of: .store)
            guard try key.u8() == 2 else { break }
            do {
                let file = try key.u32()
                var row = try RowReader(verifying: entry.value, table: .store, key: entry.key)
                accounts.append(
                    BlobAccount(
                        file: file, end: Int(clamping: try row.u64()),
                        live: Int(clamping: try row.u64())))
            } catch {
                guard case .damaged = error.code else { throw error }
                damaged.append((try? KeyReader(entry.key, of: .store).file()) ?? 0)
            }
            found = try cursor.step(reverse: false)
        }
        return (accounts, damaged)
    }

    /// Written in `stage`, which no turn uses: the row is not part of any.
    func write(_ view: RowView, _ stage: RowStage) throws(StoreError) {
        defer { stage.buffer.clear() }
        var row = stage.begin(Self.key(file))
        row.u64(UInt64(clamping: end))
        row.u64(UInt64(clamping: live))
        try stage.finish(row, .store, Self.key(file), false, view)
    }

    static func remove(_ file: UInt32, _ view: RowView, _ stage: RowStage) throws(StoreError) {
        defer { stage.buffer.clear() }
        _ = try stage.delete(.store, key(file), view)
    }
}

extension KeyReader {
    /// That of an account.
    fileprivate func file() throws(StoreError) -> UInt32 {
        var key = self
        _ = try key.u8()
        return try key.u32()
    }
}
