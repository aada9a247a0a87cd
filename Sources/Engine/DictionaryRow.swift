import Store

/// A dictionary for payloads, as stored under its id and the index 0. Its bytes are in pieces under the
/// indices behind it.
///
/// ```
/// u8 state  u32 version  u64 created  u64 retired  u32 bytes  u32 checksum  u64 references  u8 n, type
/// ```
package struct DictionaryRow: Sendable, Equatable {
    package var type: String
    /// 1, 2, … of the type.
    package var version: UInt32
    /// Milliseconds since 1970.
    package var createdAt: UInt64
    /// Milliseconds since 1970; 0: it is active.
    package var retiredAt: UInt64 = 0
    package var byteCount: UInt32
    /// CRC32C of its bytes.
    package var checksum: UInt32
    /// Payloads and results of stored jobs that need it.
    package var references: UInt64 = 0

    package var isRetired: Bool { retiredAt > 0 }
    /// Whether nobody needs it any more.
    var isOver: Bool { isRetired && references == 0 }
}

extension DictionaryRow {
    init(from reader: inout RowReader) throws(StoreError) {
        version = try reader.u32()
        createdAt = try reader.u64()
        retiredAt = try reader.u64()
        byteCount = try reader.u32()
        checksum = try reader.u32()
        references = try reader.u64()
        type = try reader.string8()
    }

    func write(to writer: inout RowWriter) {
        writer.u32(version)
        writer.u64(createdAt)
        writer.u64(retiredAt)
        writer.u32(byteCount)
        writer.u32(checksum)
        writer.u64(references)
        writer.string8(type)
    }
}

extension Key {
    /// - Parameter index: 0: its row; from 1 on its bytes.
    static func dictionary(_ id: UInt32, _ index: UInt32 = 0) -> Key {
        Key().adding(u32: id).adding(u32: index)
    }
}

extension Rows where Self: ~Copyable {
    /// The bytes of a dictionary, put together from their pieces.
    /// - Throws: `StoreError.damaged` when they are not all there.
    borrowing func bytes(ofDictionary id: UInt32, _ byteCount: UInt32) throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(byteCount))
        for index in 0..<pieces(holding: byteCount) {
            try get(Tables.dictionaries, .dictionary(id, index + 1)) { bytes += $0.rest() }
        }
        guard bytes.count == Int(byteCount) else {
            throw nonsense(
                Tables.dictionaries, .dictionary(id),
                "dictionary \(id) has \(bytes.count) bytes of \(byteCount)")
        }
        return bytes
    }

    /// Whether the bytes of a dictionary are there as they were registered.
    borrowing func isWhole(_ id: UInt32, _ row: DictionaryRow) throws -> Bool {
        do {
            var (checksum, byteCount) = (UInt32(0), 0)
            for index in 0..<pieces(holding: row.byteCount) {
                try get(Tables.dictionaries, .dictionary(id, index + 1)) { reader in
                    let piece = reader.rest()
                    checksum = crc32c(piece, from: checksum)
                    byteCount += piece.count
                }
            }
            return byteCount == Int(row.byteCount) && checksum == row.checksum
        } catch let error as StoreError {
            guard case .damaged = error.code else { throw error }
            return false
        }
    }
}
