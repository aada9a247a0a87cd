import Logging
import MartletCompression
import MartletWire
import NIOCore
import Synchronization

/// Knows which dictionary the payloads of each type are compressed with; asks the server for it, and makes one
/// where there is none, while ``run(_:)`` runs and away from those who submit.
final class DictionaryKeeper: Sendable {
    /// Types that are kept apart; later ones have no dictionaries.
    private static let typesMax = 256

    private let configuration: MartletClient.Configuration
    private let cache: DictionaryCache
    private let logger: Logger
    let types = Mutex<[String: TypeDictionary]>([:])
    private let wishes: AsyncStream<(type: String, wish: TypeDictionary.Wish)>
    private let wish: AsyncStream<(type: String, wish: TypeDictionary.Wish)>.Continuation

    init(_ configuration: MartletClient.Configuration, cache: DictionaryCache, logger: Logger) {
        self.configuration = configuration
        self.cache = cache
        self.logger = logger
        // Each type has one wish at a time.
        (wishes, wish) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.typesMax))
    }

    /// What payloads that are about to be submitted are to be compressed with; nil: no dictionary.
    func dictionary(for type: String, submitting payloads: [ByteBuffer]) -> PackingDictionary? {
        let compression = configuration.compression(of: type)
        guard compression.dictionaries != .none else { return nil }
        let active = types.withLock { types -> ZstdDictionary? in
            guard types[type] != nil || types.count < Self.typesMax else { return nil }
            var state =
                types[type] ?? TypeDictionary(trains: compression.dictionaries == .automatic)
            let wanted = state.submitting(payloads, now: .now())
            types[type] = state
            if let wanted { wish.yield((type, wanted)) }
            return state.active
        }
        return active.map { PackingDictionary($0, from: compression.dictionaryFrom) }
    }

    /// Payloads of a type were compressed with a dictionary, as far as it paid.
    func packed(_ packed: PackedBytes, of type: String, with dictionary: PackingDictionary?) {
        guard let dictionary else { return }
        types.withLock { $0[type]?.packed(packed, with: dictionary.dictionary.id) }
    }

    /// The server does not have the dictionary any more with which payloads of a type were compressed.
    func refused(type: String) { change(type) { $0.refused() } }

    private func change(_ type: String, _ body: (inout TypeDictionary) -> Void) {
        types.withLock { types in
            guard var state = types[type] else { return }
            body(&state)
            types[type] = state
        }
    }

    // MARK: Work

    /// Carries out what is wished for until its task is cancelled.
    func run(_ reconnector: Reconnector) async {
        for await (type, wish) in wishes {
            switch wish {
            case .look: await look(type, reconnector)
            case .train(let samples): await train(type, samples, reconnector)
            }
        }
    }

    private func look(_ type: String, _ reconnector: Reconnector) async {
        let known = types.withLock { $0[type]?.active }
        do throws(MartletError) {
            let message = try await request(
                DictionaryGet(type: type, known: known?.id ?? 0), reconnector)
            adopt(
                message.info.id == known?.id ? known : try received(message, type), for: type)
        } catch  where error.code == .dictionaryUnknown {
            change(type) { $0.looked(nil, now: .now()) }
        } catch  where error.code.rawValue == ErrorCode.unknownOpcode.rawValue {
            change(type) { $0.turnOff() }
        } catch {
            logger.debug("no dictionary", metadata: ["type": "\(type)", "reason": "\(error)"])
            change(type) { $0.lookFailed(now: .now()) }
        }
    }

    private func train(_ type: String, _ samples: [[UInt8]], _ reconnector: Reconnector) async {
        let level = configuration.compression(of: type).level
        let active = types.withLock { $0[type]?.active }
        let made = ZstdTrainer.worthwhile(from: samples, beside: active, level: level)
        guard let (dictionary, share) = made else {
            logger.debug(
                "a dictionary would not make payloads smaller", metadata: ["type": "\(type)"])
            return change(type) { $0.foundNone() }
        }
        do throws(MartletError) {
            let message = DictionaryPut(
                type: type, replaces: active?.id ?? 0, bytes: ByteBuffer(bytes: dictionary.bytes))
            _ = try await request(message, reconnector)
            logger.info(
                "made a dictionary",
                metadata: ["type": "\(type)", "dictionary": "\(dictionary.id)"])
            adopt(dictionary, share: share, for: type)
        } catch  where error.code == .dictionaryExists {
            change(type) { $0.isStale() }
        } catch {
            logger.debug(
                "the server did not take a dictionary",
                metadata: ["type": "\(type)", "reason": "\(error)"])
            change(type) { $0.registeringFailed() }
        }
    }

    private func received(
        _ message: DictionaryMessage, _ type: String
    ) throws(MartletError) -> ZstdDictionary {
        try .received(message, level: configuration.compression(of: type).level)
    }

    private func adopt(_ dictionary: ZstdDictionary?, share: Double? = nil, for type: String) {
        if let dictionary { cache.keep(dictionary) }
        change(type) { $0.looked(dictionary, share: share, now: .now()) }
    }

    private func request(
        _ message: some Message, _ reconnector: Reconnector
    ) async throws(MartletError) -> DictionaryMessage {
        try await reconnector.request(
            message, expecting: DictionaryMessage.self,
            until: .now() + TimeAmount(configuration.requestTimeout))
    }
}
