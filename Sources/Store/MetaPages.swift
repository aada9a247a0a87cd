import Glibc

/// The two pages at the start of LMDB's file, of which it takes the one with the higher transaction. LMDB 1.0 opens the
/// one before it on request (`MDB_PREVSNAPSHOT`); 0.9, which distributions have, does so when nothing else is there.
/// The layout is that of `MDB_page` and `MDB_meta` in LMDB's mdb.c.
enum MetaPages {
    private static let magic: UInt32 = 0xbeef_c0de
    private static let version: UInt32 = 1
    /// Of a page's header, and from there.
    private static let header = 16
    private static let pageBytesOffset = header + 24
    private static let transactionOffset = header + 128
    private static let size = header + 136

    private struct Meta {
        var bytes: [UInt8]
        var pageBytes: Int
        var transaction: UInt64
    }

    /// Makes LMDB forget transactions after `synced`.
    static func forget(after synced: Int, _ path: String) throws(StoreError) {
        guard let file = try System.openExisting(path, O_RDWR) else { return }
        defer { System.close(file) }
        guard let first = try meta(file, at: 0, path),
            let second = try meta(file, at: first.pageBytes, path)
        else { return }
        let isFirstNewer = first.transaction > second.transaction
        let (newer, older) = isFirstNewer ? (first, second) : (second, first)
        guard newer.transaction > synced else { return }
        guard older.transaction == synced else {
            throw StoreError(
                .directoryDamaged,
                """
                \(path) has the transactions \(older.transaction) and \(newer.transaction), and not \
                \(synced), the last one that is complete
                """
            )
        }
        // The page number and what else a page begins with remain.
        let place = isFirstNewer ? 0 : first.pageBytes
        let error = older.bytes[header...].withUnsafeBytes {
            System.write(file, $0, at: place + header)
        }
        guard error == 0 else { throw .system(error, "writing \(path)") }
        try System.synchronize(file, path)
    }

    private static func meta(
        _ file: Int32, at offset: Int, _ path: String
    ) throws(StoreError) -> Meta? {
        let bytes = try System.read(file, byteCount: size, at: offset, path)
        return bytes.withUnsafeBytes { page in
            guard page.count == size, let base = page.baseAddress,
                base.field(header, UInt32.self) == magic,
                base.field(header + 4, UInt32.self) == version
            else { return nil }
            return Meta(
                bytes: bytes, pageBytes: Int(base.field(pageBytesOffset, UInt32.self)),
                transaction: base.field(transactionOffset, UInt64.self))
        }
    }
}
