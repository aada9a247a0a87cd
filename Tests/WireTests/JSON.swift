import Foundation

/// A JSON value. Numbers are whole here: what may be greater than 2⁵³ is written as a string of decimal digits.
enum JSON: Hashable, Sendable {
    case object([String: JSON])
    case array([JSON])
    case string(String)
    case number(Int)
    case bool(Bool)
}

extension JSON: Decodable {
    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSON].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSON].self))
        }
    }
}

extension JSON: ExpressibleByDictionaryLiteral, ExpressibleByStringLiteral {
    init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(Dictionary(uniqueKeysWithValues: elements))
    }

    init(stringLiteral value: String) { self = .string(value) }

    /// A u64 or time.
    static func wide(_ value: UInt64) -> JSON { .string(String(value)) }

    static func narrow(_ value: some FixedWidthInteger) -> JSON { .number(Int(value)) }

    static func bytes(_ value: some Sequence<UInt8>) -> JSON { .string(hex(value)) }

    subscript(key: String) -> JSON? {
        if case .object(let fields) = self { fields[key] } else { nil }
    }

    var elements: [JSON]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    /// A number, or a string of its digits.
    var integer: UInt64? {
        switch self {
        case .number(let value): UInt64(exactly: value)
        case .string(let digits): UInt64(digits)
        default: nil
        }
    }

    var text: String? {
        if case .string(let text) = self { text } else { nil }
    }
}

func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// The bytes of hexadecimal digits, of which there must be an even number.
func bytes(hex: String) -> [UInt8]? {
    let digits = Array(hex.utf8)
    guard digits.count.isMultiple(of: 2) else { return nil }
    var result: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
        guard
            let byte = UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16)
        else { return nil }
        result.append(byte)
    }
    return result
}
