package import Store

/// A dictionary that somebody wants to register. Its bytes have been checked to be one.
package struct DictionaryDraft {
    package var id: UInt32
    package var type: String
    /// Valid during the call.
    package var bytes: UnsafeRawBufferPointer
    /// CRC32C of the bytes.
    package var checksum: UInt32
    /// The active one of the type as the caller knows it; 0: none.
    package var replaces: UInt32

    package init(
        id: UInt32, type: String, bytes: UnsafeRawBufferPointer, checksum: UInt32, replaces: UInt32
    ) {
        self.id = id
        self.type = type
        self.bytes = bytes
        self.checksum = checksum
        self.replaces = replaces
    }
}

/// What became of it.
package enum DictionaryOutcome: Equatable, Sendable {
    /// It is the active one of its type.
    case active
    /// Another is, or another has its id.
    case exists(UInt32)
    /// There are as many as may be.
    case tooMany(limit: Int, ofType: Bool)
}

/// Dictionaries that payloads are compressed with. The engine keeps their bytes, and counts who needs them.
extension Engine {
    package func register(
        _ draft: DictionaryDraft, _ rows: borrowing Transaction
    ) throws -> DictionaryOutcome {
        let active = dictionaries.active(of: draft.type) ?? 0
        if let known = dictionaries[draft.id] {
            let isSame =
                active == draft.id && known.type == draft.type && known.checksum == draft.checksum
            return isSame ? .active : .exists(draft.id)
        }
        guard active == draft.replaces else { return .exists(active) }
        if dictionaries.count(of: draft.type) >= EngineLimits.dictionariesPerTypeMax {
            return .tooMany(limit: EngineLimits.dictionariesPerTypeMax, ofType: true)
        }
        if dictionaries.rows.count >= EngineLimits.dictionariesMax {
            return .tooMany(limit: EngineLimits.dictionariesMax, ofType: false)
        }
        let row = DictionaryRow(
            type: draft.type, version: dictionaries.nextVersion(of: draft.type),
            createdAt: stamp.now, byteCount: UInt32(draft.bytes.count), checksum: draft.checksum)
        try put(draft.bytes, ofDictionary: draft.id, rows)
        if active != 0 { dictionaries.retire(active, at: stamp.now) }
        dictionaries.put(draft.id, row)
        return .active
    }

    private func put(
        _ bytes: UnsafeRawBufferPointer, ofDictionary id: UInt32, _ rows: borrowing Transaction
    ) throws {
        var start = 0
        for index in 0..<pieces(holding: UInt32(bytes.count)) {
            let end = min(start + EngineLimits.pieceBytes, bytes.count)
            let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
            try rows.put(Tables.dictionaries, .dictionary(id, index + 1)) { $0.bytes(piece) }
            start = end
        }
    }

    /// From now on it is there only for those who need it.
    /// - Returns: false when there is none.
    package func retireDictionary(_ id: UInt32) -> Bool {
        guard dictionaries[id] != nil else { return false }
        dictionaries.retire(id, at: stamp.now)
        return true
    }

    // MARK: Looking

    package func dictionary(_ id: UInt32) -> DictionaryRow? { dictionaries[id] }

    package func activeDictionary(of type: String) -> UInt32? { dictionaries.active(of: type) }

    /// In ascending order.
    package var dictionaryIDs: [UInt32] { dictionaries.rows.keys.sorted() }

    /// - Returns: nil when there is none, or it turned out to be damaged, and is set aside.
    package func bytes(
        ofDictionary id: UInt32, _ rows: borrowing Transaction
    ) throws -> [UInt8]? {
        guard let row = dictionaries[id] else { return nil }
        do {
            return try rows.bytes(ofDictionary: id, row.byteCount)
        } catch let error as StoreError {
            guard case .damaged = error.code else { throw error }
            try setAside(dictionary: id, error, rows)
            return nil
        }
    }

    // MARK: Who needs them

    /// Whether what is to be stored can be read again: it needs no dictionary, or one that is there.
    package func hasDictionary(of payload: StoredPayload) -> Bool {
        payload.dictionary == 0 || dictionaries[payload.dictionary] != nil
    }

    /// A payload or result is stored.
    func refer(_ payload: StoredPayload) {
        guard payload.dictionary != 0 else { return }
        dictionaries.refer(to: payload.dictionary, by: 1)
    }

    /// A payload or result, or several like it, are no longer stored.
    func unrefer(_ payload: StoredPayload, times: UInt32 = 1) {
        guard payload.dictionary != 0, !isPlanted(.dictionaryNotReleased) else { return }
        dictionaries.refer(to: payload.dictionary, by: -Int64(times))
    }

    // MARK: Rows

    func readDictionaries(_ rows: borrowing Transaction) throws {
        let damaged = try rows.survey(Tables.dictionaries) { key, reader in
            let (id, index) = (try key.u32(), try key.u32())
            guard index == 0 else { return }
            dictionaries.add(id, try DictionaryRow(from: &reader))
        }
        for row in damaged where row.key.count == 8 {
            let key = Key(row.key)
            let id = UInt32(number(row.key, 0, bytes: 4))
            try setAside(dictionary: id, row.error, rows)
            guard key != .dictionary(id) else { continue }
            try setAside(Tables.dictionaries, key, "some of its bytes, too", row.error, rows)
        }
    }

    /// Writes what the turn has changed; what nobody needs any more is removed.
    func writeDictionaries(_ rows: borrowing Transaction) throws {
        guard !dictionaries.changed.isEmpty else { return }
        for id in dictionaries.changed.sorted() {
            guard let row = dictionaries[id] else { continue }
            guard row.isOver else {
                try rows.put(Tables.dictionaries, .dictionary(id)) { row.write(to: &$0) }
                continue
            }
            try rows.clear(
                Tables.dictionaries, from: .dictionary(id), to: .dictionary(id, .max))
            dictionaries.remove(id)
        }
        dictionaries.written()
    }

    /// Keeps the row of a dictionary where nothing looks for it: one that is not whole is none.
    private func setAside(
        dictionary id: UInt32, _ error: StoreError, _ rows: borrowing Transaction
    ) throws {
        dictionaries.remove(id)
        let sentence = "dictionary \(id) is set aside; payloads that need it can't be read"
        try setAside(Tables.dictionaries, .dictionary(id), sentence, error, rows)
    }
}

extension JobRow {
    /// Whether its payload, or its result, can be read only with a dictionary.
    var namesDictionary: Bool { !namedDictionaries.isEmpty }

    /// The dictionaries that stored bytes of it need, each as often as they do.
    var namedDictionaries: [UInt32] {
        var named: [UInt32] = []
        if payload.dictionary != 0, payloadPlace != .dropped { named.append(payload.dictionary) }
        if let result, result.dictionary != 0 { named.append(result.dictionary) }
        return named
    }
}
