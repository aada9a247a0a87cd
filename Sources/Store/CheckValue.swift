import CMartletChecksum

/// CRC32C over table, key length, key and value: it ends every stored value, so that neither a flipped
/// bit nor a row at the wrong place is ever taken for a good one.
enum CheckValue {
    static let size = 4

    static func of(
        _ table: Table, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawPointer, _ count: Int
    ) -> UInt32 {
        let overKey = martlet_crc32c(seed(table, key.count), key.baseAddress, key.count)
        return martlet_crc32c(overKey, value, count)
    }

    /// The same, for a value that lies right behind its key.
    static func of(
        _ table: Table, keyAt key: UnsafeRawPointer, keyCount: Int, valueCount: Int
    ) -> UInt32 {
        martlet_crc32c(seed(table, keyCount), key, keyCount + valueCount)
    }

    /// The checksum `before` continued over a key and its value, known from their check value.
    static func checksum(
        _ before: UInt32, continuedOver check: UInt32, table: UInt8, keyCount: Int, valueCount: Int
    ) -> UInt32 {
        let difference = before ^ seed(table, keyCount)
        return check ^ martlet_crc32c_carried(difference, keyCount + valueCount)
    }

    private static func seed(_ table: Table, _ keyCount: Int) -> UInt32 {
        seed(table.id, keyCount)
    }

    private static func seed(_ table: UInt8, _ keyCount: Int) -> UInt32 {
        UInt32(table) | UInt32(truncatingIfNeeded: keyCount) << 8
    }
}

/// CRC32C of bytes as they are: the check value that a payload carries from submitter to handler.
/// - Parameter crc: that of the bytes before them.
package func crc32c(_ bytes: UnsafeRawBufferPointer, from crc: UInt32 = 0) -> UInt32 {
    martlet_crc32c(crc, bytes.baseAddress, bytes.count)
}
