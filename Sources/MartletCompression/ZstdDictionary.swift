import CMartletZstd
import Synchronization

/// A dictionary ready for use: digested once, for one direction when it is first used in it.
///
/// Safe to share between threads.
package final class ZstdDictionary: Sendable {
    /// As in its bytes, and in the head of each frame made with it.
    package let id: UInt32
    /// As they are registered and fetched.
    package let bytes: [UInt8]

    private let digests: Digests

    /// - Returns: nil when the bytes are no dictionary that zstd understands, or there is no memory for it.
    package init?(_ bytes: [UInt8], level: Int = Zstd.defaultLevel) {
        let parsed = bytes.withUnsafeBytes { source in
            (
                id: ZDICT_getDictID(source.baseAddress, source.count),
                inflating: ZSTD_createDDict(source.baseAddress, source.count)
            )
        }
        guard parsed.id != 0, let inflating = parsed.inflating else {
            ZSTD_freeDDict(parsed.inflating)
            return nil
        }
        id = parsed.id
        self.bytes = bytes
        digests = Digests(inflating: inflating, level: level)
    }

    /// Lends what compresses with it; nil when there is no memory for that.
    func withCompressing<Result>(_ body: (OpaquePointer) -> Result?) -> Result? {
        digests.compressing(bytes).flatMap(body)
    }

    /// Lends what inflates with it.
    func withInflating<Result>(_ body: (OpaquePointer) -> Result) -> Result {
        body(digests.inflating)
    }

    // zstd only reads digests that are made; the lock is held while one is.
    private final class Digests: @unchecked Sendable {
        let inflating: OpaquePointer
        private let level: Int
        private let made = Mutex<UInt>(0)

        init(inflating: OpaquePointer, level: Int) {
            self.inflating = inflating
            self.level = level
        }

        deinit {
            ZSTD_freeDDict(inflating)
            ZSTD_freeCDict(made.withLock { OpaquePointer(bitPattern: $0) })
        }

        /// Made when it is asked for: most of those who have a dictionary only inflate with it.
        func compressing(_ bytes: [UInt8]) -> OpaquePointer? {
            made.withLock { made in
                if made == 0 {
                    let digest = bytes.withUnsafeBytes {
                        ZSTD_createCDict($0.baseAddress, $0.count, Int32(clamping: level))
                    }
                    made = UInt(bitPattern: digest)
                }
                return OpaquePointer(bitPattern: made)
            }
        }
    }
}
