/// A dictionary as the command line shows it. The names are part of the interface: they may be added to,
/// never changed.
package struct DictionaryJSON: Sendable {
    private let dictionary: PayloadDictionary

    package init(_ dictionary: PayloadDictionary) {
        self.dictionary = dictionary
    }

    package var object: JSONObject {
        var object = JSONObject()
        object.set("id", dictionary.id)
        object.set("type", dictionary.type)
        object.set("version", dictionary.version)
        object.set("state", dictionary.state.rawValue)
        object.set("bytes", dictionary.byteCount)
        object.set("references", dictionary.references)
        object.set("created_at", dictionary.createdAt)
        object.set("retired_at", dictionary.retiredAt)
        return object
    }
}
