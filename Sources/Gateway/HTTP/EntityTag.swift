import HTTPTypes
import Hummingbird

/// Tells one representation of a resource from the next (RFC 9110, section 8.8.3).
struct EntityTag {
    /// As in the header, quotes included.
    let text: String

    init(_ text: String) {
        self.text = "\"\(text)\""
    }

    /// From the bytes of a representation, by FNV-1a: versions of one thing are told apart, nobody
    /// gains by making them alike.
    init(of representation: String) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in representation.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        self.init(String(hash, radix: 16))
    }

    /// Whether whoever asks has this representation.
    func isKnown(to request: Request) -> Bool {
        guard let known = request.headers[.ifNoneMatch] else { return false }
        return known.split(separator: ",").contains { candidate in
            let candidate = candidate.drop { $0 == " " || $0 == "\t" }
            let tag = candidate.hasPrefix("W/") ? candidate.dropFirst(2) : candidate
            return tag == "*" || tag.prefix { $0 != " " } == text
        }
    }

    /// May be kept, and must be asked for again.
    var headers: HTTPFields {
        [.eTag: text, .cacheControl: "no-cache"]
    }

    var notModified: Response {
        Response(status: .notModified, headers: headers)
    }
}
