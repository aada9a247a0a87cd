import CMartletChecksum
import Glibc

/// LMDB's file and, beside it in `data.mdb-synced`, how far it is known to be on the disk.
///
/// LMDB's own sync would hold the writer for two flushes of the device. So its commits only write, and the file is
/// synced afterwards, on another thread. Until then a power failure may leave any part of the last transaction
/// behind, its meta page included; but all pages of the transaction before it are still there, since LMDB uses a page
/// again two transactions after it was freed. Opening goes back to that one, and the log has the turns after it.
///
/// No transaction may be committed before the one before it is synced.
struct SyncedData: Sendable {
    private let data: Int32
    private let mark: Int32

    /// A mark has one block to itself: magic, version, transaction, checksum.
    private static let magic: UInt32 = 0x5453_544d  // "MTST"
    private static let version: UInt32 = 1
    private static let markBytes = 24
    private static let checksumOffset = 16

    /// - Parameter data: descriptor of LMDB's file, which remains LMDB's.
    init(_ path: String, data: Int32) throws(StoreError) {
        self.data = data
        mark = try System.open(Self.markPath(path), O_RDWR | O_CREAT | O_DSYNC, "opening")
    }

    func close() { System.close(mark) }

    static func markPath(_ dataPath: String) -> String { "\(dataPath)-synced" }

    /// Returns when everything that was written through this transaction is on the disk, and known to be: 0, or the
    /// system's error number.
    func synchronize(through transaction: Int) -> Int32 {
        let error = System.synchronizeData(data)
        return error == 0 ? write(transaction) : error
    }

    private func write(_ transaction: Int) -> Int32 {
        withUnsafeTemporaryAllocation(byteCount: Self.markBytes, alignment: 8) { block in
            guard let base = block.baseAddress else { return EINVAL }
            base.initializeMemory(as: UInt8.self, repeating: 0, count: block.count)
            base.store(Self.magic, at: 0)
            base.store(Self.version, at: 4)
            base.store(UInt64(transaction), at: 8)
            base.store(martlet_crc32c(0, base, Self.checksumOffset), at: Self.checksumOffset)
            return System.write(mark, UnsafeRawBufferPointer(block), at: 0)
        }
    }

    /// The last transaction that is known to be on the disk; nil when there is no file yet.
    static func marked(_ dataPath: String) throws(StoreError) -> Int? {
        let path = markPath(dataPath)
        guard let block = try System.readStart(of: path, byteCount: markBytes) else { return nil }
        let transaction: Int? = block.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, bytes.count == markBytes,
                base.field(0, UInt32.self) == magic, base.field(4, UInt32.self) == version,
                base.field(checksumOffset, UInt32.self)
                    == martlet_crc32c(0, base, checksumOffset)
            else { return nil }
            return Int(exactly: base.field(8, UInt64.self))
        }
        guard let transaction else { throw StoreError(.directoryDamaged, "\(path) is damaged") }
        return transaction
    }
}
