package import NIOCore

/// Registers a dictionary for the payloads of a type; it takes the place of the active one.
package struct DictionaryPut: Message {
    package static let opcode = Opcode.dictionaryPut

    package var type: String
    /// The active dictionary of the type as far as the client knows; 0: none. If it is another, nothing is
    /// changed: so of two clients that train at the same time one succeeds.
    package var replaces: UInt32
    /// CRC32C of `bytes`.
    package var checksum: UInt32
    /// As zstd's trainer made it, with its id; at most 114,688.
    package var bytes: ByteBuffer

    package init(type: String, replaces: UInt32 = 0, bytes: ByteBuffer) {
        self.type = type
        self.replaces = replaces
        checksum = crc32c(bytes)
        self.bytes = bytes
    }

    package init(from reader: inout WireReader) throws(WireError) {
        type = try reader.text8()
        replaces = try reader.u32()
        checksum = try reader.u32()
        bytes = ByteBuffer(bytes: try reader.bytes32())
        if let refusal { throw refusal }
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeText8(type)
        buffer.writeLittle(replaces)
        buffer.writeLittle(checksum)
        buffer.writeData32(bytes)
    }

    /// Why it can't be registered: `TYPE_INVALID`, `DICTIONARY_INVALID`, `PAYLOAD_DAMAGED`; nil: it can, as far
    /// as it says itself.
    package var refusal: WireError? {
        do {
            try Names.check(type: type)
        } catch {
            return error
        }
        let length = bytes.readableBytes
        guard length <= Limits.dictionaryBytesMax else {
            return WireError(
                .dictionaryInvalid, limit: UInt64(Limits.dictionaryBytesMax),
                actual: UInt64(length),
                "dictionary is \(length.grouped) bytes, the limit is \(Limits.dictionaryBytesMax.grouped)"
            )
        }
        guard crc32c(bytes) == checksum else { return .payloadDamaged() }
        guard id != nil else {
            return WireError(
                .dictionaryInvalid,
                "these \(length.grouped) bytes are no zstd dictionary with an id of 32,768 to 2,147,483,647"
            )
        }
        return nil
    }

    /// The id that its bytes say.
    package var id: UInt32? {
        bytes.withUnsafeReadableBytes { ZstdDictionaryHead.id(of: $0) }
    }
}

/// Asks for a dictionary.
package struct DictionaryGet: Message {
    package static let opcode = Opcode.dictionaryGet

    /// 0: the active one of `type`.
    package var id: UInt32
    package var type: String
    /// The one whose bytes the client has: they are not sent again; 0: none.
    package var known: UInt32

    package init(id: UInt32 = 0, type: String = "", known: UInt32 = 0) {
        self.id = id
        self.type = type
        self.known = known
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self.init(id: try reader.u32(), type: try reader.text8(), known: try reader.u32())
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(id)
        buffer.writeText8(type)
        buffer.writeLittle(known)
    }
}

/// Ends the use of a dictionary for new payloads.
package struct DictionaryRetire: Message {
    package static let opcode = Opcode.dictionaryRetire

    package var id: UInt32

    package init(id: UInt32) { self.id = id }

    package init(from reader: inout WireReader) throws(WireError) { id = try reader.u32() }

    package func write(to buffer: inout ByteBuffer) { buffer.writeLittle(id) }
}

/// Asks which dictionaries there are.
package struct Dictionaries: Message {
    package static let opcode = Opcode.dictionaries

    /// Empty: of all.
    package var type: String
    /// Those with a greater id; 0: from the first on.
    package var after: UInt32
    /// 1 to 500.
    package var limit: UInt16

    package init(
        type: String = "", after: UInt32 = 0, limit: UInt16 = Limits.dictionaryLimitMax
    ) {
        self.type = type
        self.after = after
        self.limit = limit
    }

    package init(from reader: inout WireReader) throws(WireError) {
        type = try reader.text8()
        after = try reader.u32()
        limit = try reader.u16()
        try checkField("limit", Int(limit), 1...Int(Limits.dictionaryLimitMax))
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeText8(type)
        buffer.writeLittle(after)
        buffer.writeLittle(limit)
    }
}

/// A dictionary, with its bytes unless the client has them or did not want them.
package struct DictionaryMessage: Message {
    package static let opcode = Opcode.dictionary

    package var info: DictionaryInfo
    /// Empty: left out.
    package var bytes: ByteBuffer

    package init(info: DictionaryInfo, bytes: ByteBuffer = ByteBuffer()) {
        self.info = info
        self.bytes = bytes
    }

    package init(from reader: inout WireReader) throws(WireError) {
        info = try DictionaryInfo(from: &reader)
        bytes = ByteBuffer(bytes: try reader.bytes32())
    }

    package func write(to buffer: inout ByteBuffer) {
        info.write(to: &buffer)
        buffer.writeData32(bytes)
    }
}

/// Some of the dictionaries, in the order of their ids.
package struct DictionaryPage: Message {
    package static let opcode = Opcode.dictionaryPage

    package var dictionaries: [DictionaryInfo]
    /// For the next page; 0: this was the last.
    package var after: UInt32

    package init(dictionaries: [DictionaryInfo], after: UInt32 = 0) {
        self.dictionaries = dictionaries
        self.after = after
    }

    package init(from reader: inout WireReader) throws(WireError) {
        dictionaries = []
        for _ in 0..<(try reader.u16()) {
            var part = try reader.part(Int(reader.u32()))
            dictionaries.append(try DictionaryInfo(from: &part))
        }
        after = try reader.u32()
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(UInt16(dictionaries.count))
        for dictionary in dictionaries { buffer.writeSized32 { dictionary.write(to: &$0) } }
        buffer.writeLittle(after)
    }
}
