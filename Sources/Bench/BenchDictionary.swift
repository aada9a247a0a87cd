import MartletCompression
import MartletWire
import NIOCore

/// The dictionary of a run: made of its own payloads, and registered before anything is measured, as clients do by
/// themselves. It stays on the server for the next run.
struct BenchDictionary {
    private let own: ZstdDictionary?

    private static let sampledBytesMax = 1 << 20

    /// The same options make the same one.
    init(_ options: BenchOptions) {
        let payload = JobPayload(options.payload, seed: options.seed)
        own =
            ZstdTrainer.worthwhile(
                from: payload.samples(
                    bytesMax: BenchDictionary.sampledBytesMax, seed: options.seed))?.dictionary
    }

    /// Asks the server to keep it in the place of an earlier run's. Where that can't be, because another run was faster
    /// or waiting jobs need as many as there may be, the active one is good enough.
    ///
    /// - Returns: nil when a dictionary would not pay.
    /// - Throws: `BenchError`.
    func registered(with server: BenchServer) async throws -> ZstdDictionary? {
        guard let own else { return nil }
        return try await Caller.with(server) { caller in
            let active = try await BenchDictionary.active(caller, known: own)
            if active === own { return own }
            let put = DictionaryPut(
                type: BenchOptions.jobType, replaces: active?.id ?? 0,
                bytes: ByteBuffer(bytes: own.bytes))
            do {
                _ = try await caller.call(put, DictionaryMessage.self)
                return own
            } catch let error as BenchError where error.refusesAnother {
                guard let active = try await BenchDictionary.active(caller, known: own)
                else { throw error }
                return active
            }
        }
    }

    private static func active(
        _ caller: Caller, known: ZstdDictionary
    ) async throws -> ZstdDictionary? {
        do {
            let get = DictionaryGet(type: BenchOptions.jobType, known: known.id)
            let message = try await caller.call(get, DictionaryMessage.self)
            if message.info.id == known.id { return known }
            let dictionary = ZstdDictionary(Array(message.bytes.readableBytesView))
            guard let dictionary, dictionary.id == message.info.id else {
                throw BenchError.misbehaved(
                    "what came as dictionary \(message.info.id) is none that zstd understands")
            }
            return dictionary
        } catch BenchError.refused(.dictionaryUnknown, _) {
            return nil
        }
    }
}

extension BenchError {
    /// Whether the active dictionary is not to be replaced by this one.
    fileprivate var refusesAnother: Bool {
        switch self {
        case .refused(.dictionaryExists, _), .refused(.tooManyDictionaries, _): true
        default: false
        }
    }
}
