public import Foundation
import MartletWire
import NIOCore

/// Dictionaries for payloads: mostly clients make them by themselves, ``Compression/Dictionaries/automatic``.
extension MartletClient {
    /// The dictionaries that the server has, in the order of their ids.
    ///
    /// - Parameter type: nil: of all types.
    public func dictionaries(
        of type: String? = nil
    ) async throws(MartletError) -> [PayloadDictionary] {
        var message = Dictionaries(type: type ?? "")
        var all: [PayloadDictionary] = []
        repeat {
            let page = try await request(message, expecting: DictionaryPage.self)
            all += page.dictionaries.map { PayloadDictionary($0) }
            message.after = page.after
        } while message.after != 0
        return all
    }

    /// A dictionary and its bytes.
    ///
    /// - Throws: ``MartletError/Code/dictionaryUnknown``.
    public func dictionary(
        _ id: UInt32
    ) async throws(MartletError) -> (dictionary: PayloadDictionary, bytes: Data) {
        let message = try await request(
            DictionaryGet(id: id), expecting: DictionaryMessage.self)
        return (PayloadDictionary(message.info), Data(message.bytes.readableBytesView))
    }

    /// Registers a dictionary that zstd's trainer made, in the place of the active one of the type.
    ///
    /// - Parameter bytes: at most 114,688.
    /// - Throws: ``MartletError/Code/dictionaryInvalid``, ``MartletError/Code/tooManyDictionaries``;
    ///   ``MartletError/Code/dictionaryExists`` when somebody else registered one at the same time.
    @discardableResult
    public func registerDictionary(
        _ bytes: Data, for type: String
    ) async throws(MartletError) -> PayloadDictionary {
        let active = try await dictionaries(of: type).first { $0.state == .active }
        let message = DictionaryPut(
            type: type, replaces: active?.id ?? 0, bytes: ByteBuffer(bytes: bytes))
        if let refusal = message.refusal { throw MartletError(refusal) }
        return PayloadDictionary(
            try await request(message, expecting: DictionaryMessage.self).info)
    }

    /// Ends the use of a dictionary for new payloads. It stays for as long as a stored job needs it.
    ///
    /// - Throws: ``MartletError/Code/dictionaryUnknown``.
    public func retireDictionary(_ id: UInt32) async throws(MartletError) {
        _ = try await request(DictionaryRetire(id: id), expecting: Done.self)
    }
}
