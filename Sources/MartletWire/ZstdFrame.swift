/// What the head of a zstd frame says (RFC 8878, section 3.1.1.1), read without zstd: whoever only carries
/// payloads must know which dictionary they need, and nothing else of them.
package enum ZstdFrame {
    /// The dictionary that a frame needs; nil: it names none, or is no zstd frame.
    package static func dictionary(of frame: UnsafeRawBufferPointer) -> UInt32? {
        guard frame.count > 5, frame.loadUnaligned(as: UInt32.self).littleEndian == magic else {
            return nil
        }
        let descriptor = frame[4]
        let isSingleSegment = descriptor & 0x20 != 0
        let start = isSingleSegment ? 5 : 6
        let length = [0, 1, 2, 4][Int(descriptor & 3)]
        guard frame.count >= start + length else { return nil }
        var id: UInt32 = 0
        for index in 0..<length { id |= UInt32(frame[start + index]) << (8 * index) }
        return id == 0 ? nil : id
    }

    private static let magic: UInt32 = 0xfd2f_b528
}

/// What the head of a dictionary for zstd says (RFC 8878, section 5).
package enum ZstdDictionaryHead {
    /// Bytes in front of a dictionary's tables.
    package static let byteCount = 8

    /// The dictionary's id; nil: these bytes are no dictionary, or one whose id is not for private use.
    package static func id(of dictionary: UnsafeRawBufferPointer) -> UInt32? {
        guard dictionary.count > byteCount,
            dictionary.loadUnaligned(as: UInt32.self).littleEndian == magic
        else { return nil }
        let id = dictionary.loadUnaligned(fromByteOffset: 4, as: UInt32.self).littleEndian
        return Limits.dictionaryIDs.contains(id) ? id : nil
    }

    private static let magic: UInt32 = 0xec30_a437
}
