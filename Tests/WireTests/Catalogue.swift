import Foundation

/// `protocol/messages.json`.
struct Catalogue: Decodable, Sendable {
    let version: Int
    let preface: String
    let frameHeader: [Field]
    let types: [String: Shape]
    let messages: [Message]
    let errors: [ErrorEntry]

    struct Message: Decodable, Sendable {
        let name: String
        let opcode: UInt8
        let sender: String
        let kind: String
        let reply: String?
        let fields: Shape
    }

    struct ErrorEntry: Decodable, Hashable, Sendable {
        let code: UInt16
        let name: String
        let retryable: Bool
        let closes: Bool
    }

    /// One value after another, or one value without a name; a message's fields may also name a type.
    enum Shape: Decodable, Sendable {
        case record([Field])
        case value(Field)
        case named(String)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let fields = try? container.decode([Field].self) {
                self = .record(fields)
            } else if let name = try? container.decode(String.self) {
                self = .named(name)
            } else {
                self = .value(try container.decode(Field.self))
            }
        }
    }

    final class Field: Decodable, Sendable {
        let name: String?
        let type: String
        let tag: UInt16?
        let count: String?
        let length: String?
        let of: String?
        let on: String?
        let cases: [String: [Field]]?
        let options: [Field]?
        let optional: Bool?
        let bits: [String: Int]?
        let values: [String: Int]?
        let min: UInt64?
        let max: UInt64?
        let maxBytes: Int?
        let `default`: UInt64?
    }
}

extension Catalogue {
    static let directory = URL(filePath: #filePath)
        .deletingLastPathComponent().appending(path: "../../protocol").standardized

    static func load() throws -> Catalogue {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(
            Catalogue.self, from: Data(contentsOf: directory.appending(path: "messages.json")))
    }

    func message(_ name: String) throws -> Message {
        guard let message = messages.first(where: { $0.name == name }) else {
            throw CatalogueError(description: "messages.json has no message \(name)")
        }
        return message
    }

    /// The fields of a record type, or of a message.
    func fields(_ shape: Shape) throws -> [Field] {
        switch shape {
        case .record(let fields): return fields
        case .value(let field): return [field]
        case .named(let name):
            guard let type = types[name] else {
                throw CatalogueError(description: "messages.json has no type \(name)")
            }
            return try fields(type)
        }
    }
}

struct CatalogueError: Error, CustomStringConvertible {
    let description: String
}
