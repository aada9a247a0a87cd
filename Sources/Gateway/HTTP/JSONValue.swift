import NIOCore

/// A value of a request's JSON.
enum JSONValue: Hashable, Sendable {
    case null
    case boolean(Bool)
    /// A number without a fraction that fits.
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])
}

extension JSONValue: CustomStringConvertible {
    /// For sentences about what is wrong with it.
    var description: String {
        switch self {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .string(let value): "\"\(value.prefix(80))\""
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// A request's JSON object (RFC 8259), read strictly: no member twice, nothing behind its end.
struct JSONBody {
    private(set) var members: [String: JSONValue] = [:]
    /// The member that was left as it is written, since it is somebody else's.
    private(set) var opaque: ByteBuffer?

    /// - Parameter opaque: the member that is not looked into; it is JSON all the same.
    /// - Throws: a `Problem` that says where it ends to be an object.
    init(_ buffer: ByteBuffer, opaque name: String? = nil) throws(Problem) {
        var reader = try JSONReader(buffer)
        var opaque: ByteBuffer?
        let members = try reader.object(depth: 0) { (member, reader) throws(Problem) in
            guard member == name else { return try reader.value(depth: 1, isKept: true) }
            let start = reader.position
            _ = try reader.value(depth: 1, isKept: false)
            opaque = buffer.getSlice(at: start, length: reader.position - start)
            return nil
        }
        try reader.finish()
        self.members = members
        self.opaque = opaque
    }
}
