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

    package init(zstd: Zstd = Zstd(), compressesFrom: Int?) {
        self.zstd = zstd
        self.compressesFrom = compressesFrom
    }

    /// - Parameter limit: the server's `payload_bytes_max`.
    /// - Throws: `payloadEmpty`, `payloadTooLarge`.
    package func pack(_ raw: ByteBuffer, limit: Int) throws(MartletError) -> Payload {
        let count = raw.readableBytes
        guard count > 0 else { throw MartletError(WireError.payloadEmpty()) }
        guard count <= limit else {
            throw MartletError(WireError.payloadTooLarge(actual: count, limit: limit))
        }
        guard let compressesFrom, count >= compressesFrom,
            let packed = zstd.compress(raw.readableBytesSpan)
        else { return .plain(raw) }
        return Payload(codec: .zstd, rawBytes: UInt32(count), bytes: ByteBuffer(bytes: packed))
    }

    /// - Parameter limit: the most raw bytes to accept, checked before anything is inflated.
    /// - Throws: `payloadDamaged`, `payloadTooLarge`, `protocolViolation`.
    package func unpack(_ payload: Payload, limit: Int) throws(MartletError) -> ByteBuffer {
        guard payload.isIntact else {
            throw MartletError(
                .payloadDamaged, "payload does not match its CRC32C", isRetryable: true)
        }
        guard Int(payload.rawBytes) <= limit else {
            throw MartletError(
                WireError.payloadTooLarge(actual: Int(payload.rawBytes), limit: limit))
        }
        switch payload.codec {
        case .plain:
            return payload.bytes
        case .zstd:
            return try inflate(payload, limit: limit)
        default:
            throw MartletError(WireError.codecUnknown(payload.codec))
        }
    }

    private func inflate(_ payload: Payload, limit: Int) throws(MartletError) -> ByteBuffer {
        do throws(ZstdError) {
            let raw = try zstd.inflate(
                payload.bytes.readableBytesSpan, rawBytes: Int(payload.rawBytes), limit: limit)
            return ByteBuffer(bytes: raw)
        } catch {
            throw MartletError(.payloadDamaged, "\(error)", underlyingError: error)
        }
    }
}
