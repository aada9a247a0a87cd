internal import CMartletChecksum
package import NIOCore

/// How a payload's bytes are packed. Extensible: an unknown one is refused item by item.
package struct Codec: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let plain = Codec(rawValue: 0)
    /// One zstd frame with its content size.
    package static let zstd = Codec(rawValue: 1)
    /// One zstd frame with its content size, which names the dictionary that it needs.
    package static let zstdDictionary = Codec(rawValue: 2)

    package var isKnown: Bool { rawValue <= Codec.zstdDictionary.rawValue }
}

/// What a payload says of itself in front of its bytes.
package struct PayloadHead: Equatable, Sendable {
    package var codec: Codec
    /// Length before compression.
    package var rawBytes: UInt32
    /// CRC32C of the bytes as carried.
    package var checksum: UInt32
    /// Length as carried.
    package var byteCount: UInt32

    package init(codec: Codec, rawBytes: UInt32, checksum: UInt32, byteCount: UInt32) {
        self.codec = codec
        self.rawBytes = rawBytes
        self.checksum = checksum
        self.byteCount = byteCount
    }

    /// Bytes on the wire in front of the payload's own.
    package static let byteCount = 13
}

/// A job's parameters or its result: opaque bytes with what is needed to unpack and trust them.
package struct Payload: Equatable, Sendable {
    package var codec: Codec
    /// Length before compression.
    package var rawBytes: UInt32
    /// CRC32C of `bytes`.
    package var checksum: UInt32
    /// As carried.
    package var bytes: ByteBuffer

    package init(codec: Codec, rawBytes: UInt32, checksum: UInt32, bytes: ByteBuffer) {
        self.codec = codec
        self.rawBytes = rawBytes
        self.checksum = checksum
        self.bytes = bytes
    }

    /// Packed bytes with their checksum computed here.
    package init(codec: Codec, rawBytes: UInt32, bytes: ByteBuffer) {
        self.init(codec: codec, rawBytes: rawBytes, checksum: crc32c(bytes), bytes: bytes)
    }

    /// Bytes as they are, not compressed.
    package static func plain(_ bytes: ByteBuffer) -> Payload {
        Payload(codec: .plain, rawBytes: UInt32(bytes.readableBytes), bytes: bytes)
    }

    /// A copy of what `view` points to.
    package init(_ view: PayloadView) {
        self.init(
            codec: view.codec, rawBytes: view.rawBytes, checksum: view.checksum,
            bytes: ByteBuffer(bytes: view.bytes))
    }

    package var head: PayloadHead {
        PayloadHead(
            codec: codec, rawBytes: rawBytes, checksum: checksum,
            byteCount: UInt32(bytes.readableBytes))
    }

    /// Whether the bytes match their checksum.
    package var isIntact: Bool { crc32c(bytes) == checksum }
}

/// A payload inside a message that is being read; not to be kept.
package struct PayloadView {
    package let codec: Codec
    package let rawBytes: UInt32
    package let checksum: UInt32
    package let bytes: UnsafeRawBufferPointer

    package init(codec: Codec, rawBytes: UInt32, checksum: UInt32, bytes: UnsafeRawBufferPointer) {
        self.codec = codec
        self.rawBytes = rawBytes
        self.checksum = checksum
        self.bytes = bytes
    }

    package var head: PayloadHead {
        PayloadHead(
            codec: codec, rawBytes: rawBytes, checksum: checksum, byteCount: UInt32(bytes.count))
    }

    package var isIntact: Bool { crc32c(bytes) == checksum }

    /// The dictionary without which it can't be read; 0: it needs none.
    package var dictionary: UInt32 {
        codec == .zstdDictionary ? ZstdFrame.dictionary(of: bytes) ?? 0 : 0
    }

    /// Why it can't be taken, or `nil` when it can: `PAYLOAD_EMPTY` (unless `allowsEmpty`),
    /// `PAYLOAD_TOO_LARGE`, `CODEC_UNKNOWN`, `PAYLOAD_DAMAGED`, `INVALID_MESSAGE` (lengths that differ, or a
    /// frame that should name a dictionary and does not).
    package func refusal(bytesMax: Int = Limits.payloadBytesMax, allowsEmpty: Bool = false)
        -> WireError?
    {
        if bytes.isEmpty || rawBytes == 0, !allowsEmpty { return .payloadEmpty() }
        let largest = max(bytes.count, Int(rawBytes))
        if largest > bytesMax { return .payloadTooLarge(actual: largest, limit: bytesMax) }
        if !codec.isKnown { return .codecUnknown(codec) }
        if codec == .plain, Int(rawBytes) != bytes.count {
            return .invalidMessage(
                "plain payload says \(rawBytes.grouped) raw bytes and carries \(bytes.count.grouped)"
            )
        }
        guard isIntact else { return .payloadDamaged() }
        if codec == .zstdDictionary, dictionary == 0 {
            return .invalidMessage("payload of codec 2 is no zstd frame that names a dictionary")
        }
        return nil
    }
}

extension Payload {
    /// The dictionary without which it can't be read; 0: it needs none.
    package var dictionary: UInt32 {
        guard codec == .zstdDictionary else { return 0 }
        return bytes.withUnsafeReadableBytes { ZstdFrame.dictionary(of: $0) } ?? 0
    }
}

/// CRC32C (Castagnoli), continued from `crc`; 0 to begin.
package func crc32c(_ bytes: UnsafeRawBufferPointer, from crc: UInt32 = 0) -> UInt32 {
    martlet_crc32c(crc, bytes.baseAddress, bytes.count)
}

/// CRC32C of the readable bytes.
package func crc32c(_ buffer: ByteBuffer) -> UInt32 {
    buffer.withUnsafeReadableBytes { crc32c($0) }
}
