import MartletWire
import NIOCore

extension DictionaryPut: WithFields {
    var fields: JSON {
        [
            "type": .string(type), "replaces": .narrow(replaces), "checksum": .narrow(checksum),
            "bytes": .bytes(bytes.readableBytesView),
        ]
    }
}

extension DictionaryGet: WithFields {
    var fields: JSON {
        ["id": .narrow(id), "type": .string(type), "known": .narrow(known)]
    }
}

extension DictionaryRetire: WithFields {
    var fields: JSON { ["id": .narrow(id)] }
}

extension Dictionaries: WithFields {
    var fields: JSON {
        ["type": .string(type), "after": .narrow(after), "limit": .narrow(limit)]
    }
}

extension DictionaryMessage: WithFields {
    var fields: JSON { ["info": info.json, "bytes": .bytes(bytes.readableBytesView)] }
}

extension DictionaryPage: WithFields {
    var fields: JSON {
        ["dictionaries": .array(dictionaries.map(\.json)), "after": .narrow(after)]
    }
}

extension DictionaryInfo {
    fileprivate var json: JSON {
        [
            "id": .narrow(id), "type": .string(type), "version": .narrow(version),
            "state": .narrow(state.rawValue), "created_at": .wide(createdAt),
            "retired_at": .wide(retiredAt), "length": .narrow(byteCount),
            "checksum": .narrow(checksum), "references": .wide(references),
        ]
    }
}
