package import MartletCompression
package import MartletWire
import NIOCore
import Synchronization

/// Dictionaries by id, fetched when a payload names one that is not here. An id means the same bytes for ever, so
/// that nothing here grows old; what was not used for longest goes when there are too many.
package final class DictionaryCache: Sendable {
    /// Asks the server.
    package typealias Fetch =
        @Sendable (DictionaryGet) async throws(MartletError) -> DictionaryMessage

    /// Dictionaries kept: some ten kilobytes each, a hundred for those that compress.
    private static let countMax = 64

    private struct State {
        var entries: [UInt32: (dictionary: ZstdDictionary, usedAt: UInt64)] = [:]
        var uses: UInt64 = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// The dictionary that a payload names; nil: it names none.
    /// - Throws: what `fetch` throws; `payloadDamaged` when what came is not that dictionary.
    package func dictionary(
        of payload: Payload, fetching fetch: Fetch
    ) async throws(MartletError) -> ZstdDictionary? {
        guard payload.codec == .zstdDictionary else { return nil }
        let id = payload.dictionary
        if let known = dictionary(id) { return known }
        let message = try await fetch(DictionaryGet(id: id))
        let dictionary = try ZstdDictionary.received(message)
        guard dictionary.id == id else {
            throw MartletError(.protocolViolation, "dictionary \(dictionary.id) came for \(id)")
        }
        keep(dictionary)
        return dictionary
    }

    private func dictionary(_ id: UInt32) -> ZstdDictionary? {
        state.withLock { state in
            state.uses += 1
            state.entries[id]?.usedAt = state.uses
            return state.entries[id]?.dictionary
        }
    }

    func keep(_ dictionary: ZstdDictionary) {
        state.withLock { state in
            state.uses += 1
            state.entries[dictionary.id] = (dictionary, state.uses)
            guard state.entries.count > Self.countMax,
                let oldest = state.entries.min(by: { $0.value.usedAt < $1.value.usedAt })
            else { return }
            state.entries[oldest.key] = nil
        }
    }
}

extension ZstdDictionary {
    /// One that came from the server.
    /// - Throws: `payloadDamaged`, `protocolViolation`.
    static func received(
        _ message: DictionaryMessage, level: Int = Zstd.defaultLevel
    ) throws(MartletError) -> ZstdDictionary {
        let bytes = message.bytes
        guard crc32c(bytes) == message.info.checksum else {
            throw MartletError(
                .payloadDamaged, "dictionary \(message.info.id) does not match its CRC32C",
                isRetryable: true)
        }
        let dictionary = ZstdDictionary(Array(bytes.readableBytesView), level: level)
        guard let dictionary, dictionary.id == message.info.id else {
            throw MartletError(
                .protocolViolation,
                "what came as dictionary \(message.info.id) is none that zstd understands")
        }
        return dictionary
    }
}
