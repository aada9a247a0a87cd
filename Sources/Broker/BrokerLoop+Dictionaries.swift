import Engine
import MartletWire
import NIOCore
import Store

// Dictionaries that payloads are compressed with.

extension BrokerLoop {
    func dictionaryPut(
        _ message: DictionaryPut, _ request: Request, _ rows: borrowing Transaction
    ) throws {
        guard !isDraining else {
            throw WireError.draining(retryAfterMilliseconds: configuration.drainMilliseconds)
        }
        guard store.acceptsSubmissions else { throw storeFull() }
        let outcome = try message.bytes.withReader { reader in
            let draft = DictionaryDraft(
                id: message.id ?? 0, type: message.type, bytes: reader.rest(),
                checksum: message.checksum, replaces: message.replaces)
            return try engine.register(draft, rows)
        }
        switch outcome {
        case .active: reply(DictionaryMessage(info: try info(message.id ?? 0)), to: request)
        case .exists(let id): throw WireError.dictionaryExists(id, type: message.type)
        case .tooMany(let limit, let ofType):
            let what = ofType ? "dictionaries of this type" : "dictionaries"
            throw WireError(
                .tooManyDictionaries, limit: UInt64(limit), actual: UInt64(limit) + 1,
                "there are \(limit.grouped) \(what) already; one that no job names goes when retired"
            )
        }
    }

    func dictionaryGet(
        _ message: DictionaryGet, _ request: Request, _ rows: borrowing Transaction
    ) throws {
        guard message.id == 0 else {
            return try send(message.id, known: message.known, request, rows)
        }
        try Names.check(type: message.type)
        guard let active = engine.activeDictionary(of: message.type) else {
            throw WireError.noDictionary(of: message.type)
        }
        try send(active, known: message.known, request, rows)
    }

    private func send(
        _ id: UInt32, known: UInt32, _ request: Request, _ rows: borrowing Transaction
    ) throws {
        let info = try info(id)
        var bytes = ByteBuffer()
        if id != known {
            guard let stored = try engine.bytes(ofDictionary: id, rows) else {
                throw WireError.dictionaryUnknown(id)
            }
            bytes.writeBytes(stored)
        }
        replyAtLength(DictionaryMessage(info: info, bytes: bytes), to: request)
    }

    func dictionaryRetire(_ message: DictionaryRetire, _ request: Request) throws {
        guard engine.retireDictionary(message.id) else {
            throw WireError.dictionaryUnknown(message.id)
        }
        reply(Done(), to: request)
    }

    func dictionaries(_ message: Dictionaries, _ request: Request) throws {
        if !message.type.isEmpty { try Names.check(type: message.type) }
        let rest = try engine.dictionaryIDs.filter { $0 > message.after }.map { try info($0) }
            .filter { message.type.isEmpty || $0.type == message.type }
        let page = rest.prefix(Int(message.limit))
        let after = page.count < rest.count ? page.last?.id : nil
        replyAtLength(
            DictionaryPage(dictionaries: Array(page), after: after ?? 0), to: request)
    }

    private func info(_ id: UInt32) throws -> DictionaryInfo {
        guard let row = engine.dictionary(id) else { throw WireError.dictionaryUnknown(id) }
        return DictionaryInfo(
            id: id, type: row.type, version: row.version,
            state: row.isRetired ? .retired : .active, createdAt: row.createdAt,
            retiredAt: row.retiredAt, byteCount: row.byteCount, checksum: row.checksum,
            references: row.references)
    }

    /// Why nobody could read what is to be stored; nil: whoever gets it can.
    func unreadable(_ payload: StoredPayload?) -> WireError? {
        guard let payload, !engine.hasDictionary(of: payload) else { return nil }
        return .dictionaryUnknown(payload.dictionary)
    }
}

extension WireError {
    fileprivate static func noDictionary(of type: String) -> WireError {
        WireError(.dictionaryUnknown, "type \(type) has no dictionary")
    }
}
