import MartletCompression
import MartletWire
import NIOCore

/// Dictionaries for clients that can't inflate: fetched over the link on its own channel, kept by id. Owned by
/// the link's event loop.
final class LinkDictionaries {
    enum Found {
        case dictionary(ZstdDictionary)
        /// It is being fetched.
        case later
        /// The broker does not have it.
        case lost
    }

    private enum Entry {
        case known(ZstdDictionary)
        case wanted([() -> Void])
        case lost

        var isWanted: Bool { if case .wanted = self { true } else { false } }
    }

    /// Dictionaries kept; with more, all are forgotten and fetched anew.
    private static let countMax = 64
    /// Requests of the link on channel 0 from this id on are for dictionaries.
    private static let requestBase: UInt64 = 1 << 32

    private var entries: [UInt32: Entry] = [:]

    /// - Parameters:
    ///   - ask: sends the request for it.
    ///   - later: called when the answer to a `later` has come.
    func find(
        _ id: UInt32, asking ask: (DictionaryGet, _ requestID: UInt64) -> Void,
        later: @escaping () -> Void
    ) -> Found {
        switch entries[id] {
        case .known(let dictionary): return .dictionary(dictionary)
        case .lost: return .lost
        case .wanted(let others):
            entries[id] = .wanted(others + [later])
            return .later
        case nil:
            if entries.count >= Self.countMax { entries = entries.filter { $0.value.isWanted } }
            entries[id] = .wanted([later])
            ask(DictionaryGet(id: id), Self.requestBase + UInt64(id))
            return .later
        }
    }

    /// Whether a request of the link was for a dictionary.
    static func isOwn(requestID: UInt64) -> Bool { requestID >= requestBase }

    /// The answer has come.
    /// - Parameter message: nil: an error.
    func answered(requestID: UInt64, _ message: DictionaryMessage?) {
        let id = UInt32(truncatingIfNeeded: requestID - Self.requestBase)
        guard case .wanted(let waiting) = entries[id] else { return }
        let dictionary = message.flatMap { ZstdDictionary(Array($0.bytes.readableBytesView)) }
        if let dictionary, dictionary.id == id {
            entries[id] = .known(dictionary)
        } else {
            entries[id] = .lost
        }
        for resume in waiting { resume() }
    }

    /// The link broke, and with it all clients that waited.
    func linkBroke() { entries = entries.filter { !$0.value.isWanted } }
}
