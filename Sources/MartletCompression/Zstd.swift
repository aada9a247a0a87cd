import CMartletZstd

/// Compresses payloads and inflates them within bounds.
///
/// Safe to share between threads; working memory is reused. Both directions run on the caller's
/// thread: 16 MiB take tens of milliseconds, so an event loop is the wrong place for them.
package final class Zstd: Sendable {
    /// Payloads below this are not worth a frame header and a checksum of their own.
    package static let rawBytesMin = 64
    /// With a dictionary: 15 bytes go to the frame's head and its checks.
    package static let rawBytesMinWithDictionary = 32
    /// zstd's own default: a good ratio at hundreds of megabytes a second.
    package static let defaultLevel = 3

    private let contexts = ZstdContexts()

    package init() {}

    /// Compresses to a single frame that states its content's length.
    ///
    /// - Returns: nil when it does not pay: the input is shorter than ``rawBytesMin`` or would not
    ///   become smaller by at least a sixteenth.
    package func compress(_ raw: RawSpan, level: Int = Zstd.defaultLevel) -> [UInt8]? {
        guard raw.byteCount >= Self.rawBytesMin else { return nil }
        return compress(raw) { context, target, source in
            ZSTD_compressCCtx(
                context, target.baseAddress, target.count, source.baseAddress, source.count,
                Int32(clamping: level))
        }
    }

    /// The same with a dictionary, which the frame names.
    ///
    /// - Returns: nil when it does not pay: the input is shorter than ``rawBytesMinWithDictionary`` or would
    ///   not become smaller by at least a sixteenth.
    package func compress(_ raw: RawSpan, with dictionary: ZstdDictionary) -> [UInt8]? {
        guard raw.byteCount >= Self.rawBytesMinWithDictionary else { return nil }
        return dictionary.withCompressing { digest in
            compress(raw) { context, target, source in
                ZSTD_compress_usingCDict(
                    context, target.baseAddress, target.count, source.baseAddress, source.count,
                    digest)
            }
        }
    }

    /// - Parameter pack: fills the target from the source, or returns an error of zstd.
    private func compress(
        _ raw: RawSpan,
        by pack: (OpaquePointer, UnsafeMutableRawBufferPointer, UnsafeRawBufferPointer) -> Int
    ) -> [UInt8]? {
        // The output is given no more room than is worth filling: zstd stops when it runs out of
        // it.
        let worthwhile = raw.byteCount - raw.byteCount / 16 - 1
        return contexts.withCompressor { context in
            raw.withUnsafeBytes { source in
                var isWorthwhile = false
                let frame = [UInt8](unsafeUninitializedCapacity: worthwhile) { target, count in
                    let written = pack(context, UnsafeMutableRawBufferPointer(target), source)
                    isWorthwhile = ZSTD_isError(written) == 0
                    count = isWorthwhile ? written : 0
                }
                return isWorthwhile ? frame : nil
            }
        }
    }

    /// Inflates bytes from a peer that is not trusted.
    ///
    /// The declared length is checked against the limit and against the frame's own header, and the
    /// bytes must be exactly one frame, before anything is allocated; then exactly that much is.
    /// zstd needs no window beside it: with all input and output at hand, the output is the window,
    /// so that a frame cannot ask for more memory than its declared length.
    ///
    /// - Parameters:
    ///   - rawBytes: the length that the message around the frame declares.
    ///   - limit: the most that the caller accepts.
    ///   - dictionary: the one that the frame was made with; nil: none.
    package func inflate(
        _ frame: RawSpan, rawBytes: Int, limit: Int, with dictionary: ZstdDictionary? = nil
    ) throws(ZstdError) -> [UInt8] {
        try frame.withUnsafeBytes { source throws(ZstdError) in
            try Self.checkHeader(source, rawBytes: rawBytes, limit: limit)
            let needed = ZSTD_getDictID_fromFrame(source.baseAddress, source.count)
            guard needed == dictionary?.id ?? 0 else { throw .needsDictionary(needed) }
            let inflated = contexts.withDecompressor { context in
                Self.inflate(source, rawBytes: rawBytes) { target in
                    Self.inflate(source, to: target, dictionary, with: context)
                }
            }
            guard let inflated else { throw .damaged("no memory to inflate it") }
            return try inflated.get()
        }
    }

    private static func checkHeader(
        _ source: UnsafeRawBufferPointer, rawBytes: Int, limit: Int
    ) throws(ZstdError) {
        guard rawBytes <= limit else { throw .aboveLimit(declared: rawBytes, limit: limit) }
        let stated = ZSTD_getFrameContentSize(source.baseAddress, source.count)
        guard stated < contentSizeError else { throw .unknownLength }
        guard rawBytes > 0, stated == UInt64(rawBytes) else {
            throw .lengthDiffers(declared: rawBytes, stated: stated)
        }
        let frameBytes = ZSTD_findFrameCompressedSize(source.baseAddress, source.count)
        guard ZSTD_isError(frameBytes) == 0 else {
            throw .notOneFrame(frameBytes: nil, bytes: source.count)
        }
        guard frameBytes == source.count else {
            throw .notOneFrame(frameBytes: frameBytes, bytes: source.count)
        }
    }

    private static func inflate(
        _ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer,
        _ dictionary: ZstdDictionary?, with context: OpaquePointer
    ) -> Int {
        guard let dictionary else {
            return ZSTD_decompressDCtx(
                context, target.baseAddress, target.count, source.baseAddress, source.count)
        }
        return dictionary.withInflating { digest in
            ZSTD_decompress_usingDDict(
                context, target.baseAddress, target.count, source.baseAddress, source.count, digest)
        }
    }

    /// - Parameter unpack: fills the target, or returns an error of zstd.
    private static func inflate(
        _ source: UnsafeRawBufferPointer, rawBytes: Int,
        by unpack: (UnsafeMutableRawBufferPointer) -> Int
    ) -> Result<[UInt8], ZstdError> {
        var failure: ZstdError?
        let raw = [UInt8](unsafeUninitializedCapacity: rawBytes) { target, count in
            let room = UnsafeMutableRawBufferPointer(
                rebasing: UnsafeMutableRawBufferPointer(target)[..<rawBytes])
            let written = unpack(room)
            if ZSTD_isError(written) != 0 {
                failure = .damaged(String(cString: ZSTD_getErrorName(written)))
            } else if written != rawBytes {
                failure = .lengthDiffers(declared: rawBytes, stated: UInt64(written))
            } else {
                count = written
            }
        }
        return failure.map(Result.failure) ?? .success(raw)
    }
}

/// The lower of the two values that `ZSTD_getFrameContentSize` returns in place of a length
/// (`ZSTD_CONTENTSIZE_ERROR`; the other is `ZSTD_CONTENTSIZE_UNKNOWN`): macros that Swift can't
/// import.
private let contentSizeError = UInt64.max - 1
