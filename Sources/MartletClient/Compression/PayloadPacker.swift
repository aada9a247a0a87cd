package import MartletCompression
package import MartletWire
package import NIOCore

/// Turns raw bytes into what a message carries, and back: compression where it pays, the checksum,
/// the bounds.
///
/// Runs on the caller's thread; large payloads take milliseconds.
package struct PayloadPacker: Sendable {
    private let zstd: Zstd
    /// Payloads below this many bytes are not compressed; nil: none is.
    private let compressesFrom: Int?
    private let level: Int

    /// Payloads above this many bytes have what a dictionary could tell in themselves.
    private static let dictionaryBytesMax = 128 << 10

    package init(zstd: Zstd = Zstd(), compressesFrom: Int?, level: Int = Zstd.defaultLevel) {
        self.zstd = zstd
        self.compressesFrom = compressesFrom
        self.level = level
    }

    /// - Parameters:
    ///   - limit: the server's `payload_bytes_max`.
    ///   - dictionary: for payloads of its type; nil: each is compressed alone.
    /// - Throws: `payloadEmpty`, `payloadTooLarge`.
    package func pack(
        _ raw: ByteBuffer, limit: Int, with dictionary: PackingDictionary? = nil
    ) throws(MartletError) -> Payload {
        try Self.check(raw, limit: limit)
        let count = raw.readableBytes
        if let dictionary, (dictionary.from...Self.dictionaryBytesMax).contains(count),
            let packed = zstd.compress(raw.readableBytesSpan, with: dictionary.dictionary)
        {
            return payload(packed, of: count, .zstdDictionary)
        }
        guard let compressesFrom, count >= compressesFrom,
            let packed = zstd.compress(raw.readableBytesSpan, level: level)
        else { return .plain(raw) }
        return payload(packed, of: count, .zstd)
    }

    /// - Parameter limit: the server's `payload_bytes_max`.
    /// - Throws: `payloadEmpty`, `payloadTooLarge`.
    package static func check(_ raw: ByteBuffer, limit: Int) throws(MartletError) {
        let count = raw.readableBytes
        guard count > 0 else { throw MartletError(WireError.payloadEmpty()) }
        guard count <= limit else {
            throw MartletError(WireError.payloadTooLarge(actual: count, limit: limit))
        }
    }

    private func payload(_ packed: [UInt8], of rawBytes: Int, _ codec: Codec) -> Payload {
        Payload(codec: codec, rawBytes: UInt32(rawBytes), bytes: ByteBuffer(bytes: packed))
    }

    /// - Parameters:
    ///   - limit: the most raw bytes to accept, checked before anything is inflated.
    ///   - dictionary: the one that the payload names, if it names one.
    /// - Throws: `payloadDamaged`, `payloadTooLarge`, `protocolViolation`.
    package func unpack(
        _ payload: Payload, limit: Int, with dictionary: ZstdDictionary? = nil
    ) throws(MartletError) -> ByteBuffer {
        guard payload.isIntact else {
            throw MartletError(
                .payloadDamaged, "payload does not match its CRC32C", isRetryable: true)
        }
        guard Int(payload.rawBytes) <= limit else {
            throw MartletError(
                WireError.payloadTooLarge(actual: Int(payload.rawBytes), limit: limit))
        }
        switch payload.codec {
        case .plain: return payload.bytes
        case .zstd: return try inflate(payload, limit: limit, with: nil)
        case .zstdDictionary: return try inflate(payload, limit: limit, with: dictionary)
        default: throw MartletError(WireError.codecUnknown(payload.codec))
        }
    }

    private func inflate(
        _ payload: Payload, limit: Int, with dictionary: ZstdDictionary?
    ) throws(MartletError) -> ByteBuffer {
        do throws(ZstdError) {
            let raw = try zstd.inflate(
                payload.bytes.readableBytesSpan, rawBytes: Int(payload.rawBytes), limit: limit,
                with: dictionary)
            return ByteBuffer(bytes: raw)
        } catch {
            throw MartletError(.payloadDamaged, "\(error)", underlyingError: error)
        }
    }
}

/// What payloads of a type are compressed with.
package struct PackingDictionary: Sendable {
    package var dictionary: ZstdDictionary
    /// Shorter payloads are not.
    package var from: Int

    package init(_ dictionary: ZstdDictionary, from: Int) {
        self.dictionary = dictionary
        self.from = from
    }
}
