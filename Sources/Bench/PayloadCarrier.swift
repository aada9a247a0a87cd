import MartletCompression
import MartletWire
import NIOCore

/// Puts payloads into frames and takes them out again, as a run says that they travel.
struct PayloadCarrier {
    private let payload: JobPayload
    private let compression: PayloadCompression
    /// With which payloads are compressed and inflated.
    var dictionary: ZstdDictionary?
    private let zstd = Zstd()
    /// One payload, for a moment.
    private var scratch = ByteBuffer()

    init(_ options: BenchOptions) {
        payload = JobPayload(options.payload, seed: options.seed)
        compression = options.compression
    }

    /// Writes one payload with its head.
    ///
    /// - Returns: Its length before compression and as carried.
    mutating func write(_ stamp: JobStamp, to out: inout ByteBuffer) -> CarriedBytes {
        switch compression {
        case .none: writePlain(stamp, to: &out)
        case .zstd, .dictionary: writeCompressed(stamp, to: &out)
        }
    }

    private func writePlain(_ stamp: JobStamp, to out: inout ByteBuffer) -> CarriedBytes {
        let byteCount = payload.byteCount(of: stamp.index)
        let start = out.writerIndex
        out.writePayloadHead(
            PayloadHead(
                codec: .plain, rawBytes: UInt32(byteCount), checksum: 0,
                byteCount: UInt32(byteCount)))
        payload.write(stamp, to: &out)
        seal(start, byteCount, &out)
        return CarriedBytes(raw: byteCount, carried: byteCount)
    }

    private mutating func writeCompressed(
        _ stamp: JobStamp, to out: inout ByteBuffer
    ) -> CarriedBytes {
        scratch.clear()
        payload.write(stamp, to: &scratch)
        guard let (codec, packed) = compressed(scratch.readableBytesSpan) else {
            return writePlain(stamp, to: &out)
        }
        let start = out.writerIndex
        out.writePayloadHead(
            PayloadHead(
                codec: codec, rawBytes: UInt32(scratch.readableBytes), checksum: 0,
                byteCount: UInt32(packed.count)))
        out.writeBytes(packed)
        seal(start, packed.count, &out)
        return CarriedBytes(raw: scratch.readableBytes, carried: packed.count)
    }

    /// - Returns: nil when it does not pay.
    private func compressed(_ raw: RawSpan) -> (codec: Codec, bytes: [UInt8])? {
        if let dictionary, let packed = zstd.compress(raw, with: dictionary) {
            return (.zstdDictionary, packed)
        }
        return zstd.compress(raw).map { (.zstd, $0) }
    }

    /// Sets the checksum of the payload whose head begins at `start`.
    private func seal(_ start: Int, _ byteCount: Int, _ out: inout ByteBuffer) {
        // No slice may be left when the buffer is written: all of it would be copied.
        let checksum =
            out.getSlice(at: start + PayloadHead.byteCount, length: byteCount).map { crc32c($0) }
            ?? 0
        out.setInteger(checksum, at: start + PayloadCarrier.checksumOffset, endianness: .little)
    }

    /// Behind codec and raw length.
    private static let checksumOffset = 5

    /// Whose payload it is; `nil` when it is not one of this run, as far as a checksum can tell and, for one job in
    /// `comparedEvery`, every byte.
    mutating func read(_ delivered: PayloadView) -> JobStamp? {
        guard delivered.isIntact else { return nil }
        if delivered.codec == .plain {
            return check(JobPayload.stamp(of: delivered.bytes.bytes), delivered.bytes)
        }
        guard
            let raw = try? zstd.inflate(
                delivered.bytes.bytes, rawBytes: Int(delivered.rawBytes),
                limit: Limits.payloadBytesMax,
                with: delivered.codec == .zstdDictionary ? dictionary : nil)
        else { return nil }
        return check(JobPayload.stamp(of: raw.span.bytes), raw)
    }

    private static let comparedEvery = 64

    private mutating func check(
        _ stamp: JobStamp?, _ bytes: some Collection<UInt8>
    ) -> JobStamp? {
        guard let stamp, stamp.index >= 0 else { return nil }
        guard stamp.index % PayloadCarrier.comparedEvery == 0 else { return stamp }
        scratch.clear()
        payload.write(stamp, to: &scratch)
        return scratch.readableBytesView.elementsEqual(bytes) ? stamp : nil
    }
}

/// Lengths before compression and as carried.
struct CarriedBytes: Equatable, Sendable {
    var raw = 0
    var carried = 0

    static func += (sum: inout CarriedBytes, other: CarriedBytes) {
        sum.raw += other.raw
        sum.carried += other.carried
    }
}
