internal import NIOCore

/// A job's tags, as the wire carries and the store keeps them: one length and text after another.
package struct JobTags: Hashable, Sendable {
    /// Whole lengths and texts of UTF-8; whether they are tags says `refusal`.
    package let bytes: [UInt8]

    /// No tag: an edit takes away those that there are.
    package static var empty: JobTags { JobTags(bytes: []) }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    /// - Throws: `OPTION_INVALID` for the first that is no tag, or too many.
    package init(_ tags: [String]) throws(WireError) {
        var buffer = ByteBuffer()
        for tag in tags { buffer.writeText8(tag.truncated(toUTF8Bytes: Int(UInt8.max))) }
        bytes = Array(buffer.readableBytesView)
        if let refusal { throw refusal }
    }

    /// Reads to the end.
    package init(from reader: inout WireReader) throws(WireError) {
        let begin = reader.offset
        while reader.left > 0 { _ = try reader.text8() }
        bytes = Array(reader.passed(from: begin))
    }

    /// Bytes that were kept; `nil` for none.
    package init?(stored bytes: [UInt8]) {
        guard !bytes.isEmpty else { return nil }
        self.bytes = bytes
    }

    package var list: [String] {
        var tags: [String] = []
        bytes.withUnsafeBytes { bytes in
            JobTags.forEach(in: bytes) { tags.append(String(decoding: $0, as: UTF8.self)) }
        }
        return tags
    }

    /// Whether `tag` is among the tags whose wire bytes are `tags`, wherever those lie.
    package static func contain(
        _ tag: UnsafeRawBufferPointer, in tags: UnsafeRawBufferPointer
    ) -> Bool {
        var isFound = false
        forEach(in: tags) { isFound = isFound || $0.elementsEqual(tag) }
        return isFound
    }

    /// `OPTION_INVALID` for the first that is no tag, or for their number.
    var refusal: WireError? {
        let tags = list
        return MartletWire.refusal(
            "number of tags", UInt64(tags.count), 1...UInt64(Limits.tagsMax))
            ?? tags.lazy.compactMap { JobTags.refusal(of: $0) }.first
    }

    private static func refusal(of tag: String) -> WireError? {
        if !tag.unicodeScalars.allSatisfy(\.isPrintable) {
            return .optionInvalid("a tag has a space or a control character")
        }
        return MartletWire.refusal(
            "tag's length", UInt64(tag.utf8.count), 1...UInt64(Limits.tagBytesMax))
    }

    private static func forEach(
        in bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void
    ) {
        var rest = bytes[...]
        while let length = rest.first, Int(length) < rest.count {
            rest = rest.dropFirst()
            body(UnsafeRawBufferPointer(rebasing: rest.prefix(Int(length))))
            rest = rest.dropFirst(Int(length))
        }
    }
}
