import CMartletZstd
import Synchronization

/// zstd's working memory, kept from one use to the next: making it costs more than compressing a
/// small job does.
///
/// A context is in nobody's hands or in those of one caller, so callers on many threads do not wait
/// for each other. At most `keptMax` idle ones are kept of each kind.
final class ZstdContexts: Sendable {
    private static let keptMax = 8

    private let idle = Mutex(Idle())

    deinit {
        idle.withLock { idle in
            for context in idle.compressors { ZSTD_freeCCtx(context.pointer) }
            for context in idle.decompressors { ZSTD_freeDCtx(context.pointer) }
        }
    }

    /// Lends a compressor to `body`; nil when there is no memory for one.
    func withCompressor<Result>(_ body: (OpaquePointer) -> Result?) -> Result? {
        guard
            let context = idle.withLock({ $0.compressors.popLast() })
                ?? ZSTD_createCCtx().map(Context.init)
        else { return nil }
        defer { giveBack(context, to: \.compressors, freeing: { ZSTD_freeCCtx($0) }) }
        return body(context.pointer)
    }

    /// Lends a decompressor to `body`; nil when there is no memory for one.
    func withDecompressor<Result>(_ body: (OpaquePointer) -> Result?) -> Result? {
        guard
            let context = idle.withLock({ $0.decompressors.popLast() })
                ?? ZSTD_createDCtx().map(Context.init)
        else { return nil }
        defer { giveBack(context, to: \.decompressors, freeing: { ZSTD_freeDCtx($0) }) }
        return body(context.pointer)
    }

    private func giveBack(
        _ context: Context,
        to list: any WritableKeyPath<Idle, [Context]> & Sendable,
        freeing free: (OpaquePointer) -> Int
    ) {
        let isKept = idle.withLock { idle in
            guard idle[keyPath: list].count < Self.keptMax else { return false }
            idle[keyPath: list].append(context)
            return true
        }
        if !isKept { _ = free(context.pointer) }
    }

    private struct Idle {
        var compressors: [Context] = []
        var decompressors: [Context] = []
    }

    // Owned by the list of idle contexts, or by the one caller that took it from there.
    private struct Context: @unchecked Sendable {
        let pointer: OpaquePointer
    }
}
