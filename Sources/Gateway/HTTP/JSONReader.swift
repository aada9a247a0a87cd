import HTTPTypes
import NIOCore

/// Reads JSON byte by byte. What is not kept costs no memory: a payload of many megabytes is only
/// looked at.
struct JSONReader {
    /// Deeper values are refused: each level is a call.
    private static let depthMax = 128

    private let bytes: ByteBufferView
    /// Index of the byte that comes next, as in the buffer.
    private(set) var position: Int

    init(_ buffer: ByteBuffer) throws(Problem) {
        bytes = buffer.readableBytesView
        position = bytes.startIndex
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw .bodyInvalid("it is not UTF-8")
        }
        skipBlanks()
    }

    /// - Throws: when anything but blanks is left.
    mutating func finish() throws(Problem) {
        skipBlanks()
        if position < bytes.endIndex { throw fault("nothing more") }
    }

    // MARK: Values

    /// Reads an object, each value by `read`, which returns nil for one that is not kept.
    mutating func object(
        depth: Int,
        read: (String, inout JSONReader) throws(Problem) -> JSONValue?
    ) throws(Problem) -> [String: JSONValue] {
        try take("{", wanted: "an object")
        var members: [String: JSONValue] = [:]
        var names: Set<String> = []
        skipBlanks()
        if takes("}") { return members }
        repeat {
            skipBlanks()
            let name = try string()
            guard names.insert(name).inserted else {
                throw .bodyInvalid("\(name.prefix(80)) is there twice")
            }
            skipBlanks()
            try take(":", wanted: "a colon")
            skipBlanks()
            members[name] = try read(name, &self)
            skipBlanks()
        } while takes(",")
        try take("}", wanted: "a comma or the object's end")
        return members
    }

    /// - Parameter isKept: otherwise the value is only checked, and `null` returned.
    mutating func value(depth: Int, isKept: Bool) throws(Problem) -> JSONValue {
        guard depth < Self.depthMax else {
            throw .bodyInvalid("its values are more than \(Self.depthMax) levels deep")
        }
        switch current {
        case UInt8(ascii: "{"):
            let members = try object(depth: depth) { (_, reader) throws(Problem) in
                let value = try reader.value(depth: depth + 1, isKept: isKept)
                return isKept ? value : nil
            }
            return isKept ? .object(members) : .null
        case UInt8(ascii: "["): return try array(depth: depth, isKept: isKept)
        case UInt8(ascii: "\""):
            let text = try string(isKept: isKept)
            return isKept ? .string(text) : .null
        case UInt8(ascii: "t"): return try word("true", .boolean(true))
        case UInt8(ascii: "f"): return try word("false", .boolean(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func array(depth: Int, isKept: Bool) throws(Problem) -> JSONValue {
        position += 1
        var values: [JSONValue] = []
        skipBlanks()
        if takes("]") { return .array(values) }
        repeat {
            skipBlanks()
            let value = try value(depth: depth + 1, isKept: isKept)
            if isKept { values.append(value) }
            skipBlanks()
        } while takes(",")
        try take("]", wanted: "a comma or the array's end")
        return .array(values)
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(Problem)
        -> JSONValue
    {
        for byte in "\(word)".utf8 {
            guard current == byte else { throw fault("\(word)") }
            position += 1
        }
        return value
    }

    private mutating func number() throws(Problem) -> JSONValue {
        let start = position
        _ = takes("-")
        if !takes("0") { try digits() }
        var isWhole = true
        if takes(".") {
            isWhole = false
            try digits()
        }
        if takes("e") || takes("E") {
            isWhole = false
            if !takes("+") { _ = takes("-") }
            try digits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let value = Int64(text) { return .integer(value) }
        let value = Double(text) ?? .infinity
        return Int64(exactly: value).map { .integer($0) } ?? .number(value)
    }

    private mutating func digits() throws(Problem) {
        let start = position
        while let byte = current, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            position += 1
        }
        if position == start { throw fault("a value") }
    }

    // MARK: Strings

    private mutating func string(isKept: Bool = true) throws(Problem) -> String {
        try take("\"", wanted: "a string")
        var text: [UInt8] = []
        while let byte = current {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                let scalar = try escaped()
                if isKept { text.append(contentsOf: Character(scalar).utf8) }
            case 0..<0x20:
                position -= 1
                throw fault("no control character")
            default:
                if isKept { text.append(byte) }
            }
        }
        throw fault("the string's end")
    }

    private mutating func escaped() throws(Problem) -> Unicode.Scalar {
        guard let byte = current else { throw fault("the string's end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try escapedScalar()
        default:
            position -= 1
            throw fault("an escape that JSON has")
        }
    }

    /// Behind `\u`: one code unit, or two that are a surrogate pair.
    private mutating func escapedScalar() throws(Problem) -> Unicode.Scalar {
        let first = try codeUnit()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard UTF16.isLeadSurrogate(UInt16(first)), takes("\\"), takes("u") else {
            throw fault("a whole surrogate pair")
        }
        let second = try codeUnit()
        guard UTF16.isTrailSurrogate(UInt16(second)),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
        else { throw fault("a whole surrogate pair") }
        return scalar
    }

    private mutating func codeUnit() throws(Problem) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = current,
                let digit = Character(Unicode.Scalar(byte)).hexDigitValue
            else { throw fault("four hexadecimal digits") }
            unit = unit << 4 | UInt32(digit)
            position += 1
        }
        return unit
    }

    // MARK: Bytes

    private var current: UInt8? {
        position < bytes.endIndex ? bytes[position] : nil
    }

    private mutating func skipBlanks() {
        while let byte = current, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
            position += 1
        }
    }

    private mutating func takes(_ character: Unicode.Scalar) -> Bool {
        guard current == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func take(_ character: Unicode.Scalar, wanted: String) throws(Problem) {
        if !takes(character) { throw fault(wanted) }
    }

    private func fault(_ wanted: String) -> Problem {
        .bodyInvalid("at byte \(position - bytes.startIndex), where \(wanted) is wanted")
    }
}

extension Problem {
    static func bodyInvalid(_ reason: String) -> Problem {
        Problem(
            status: .badRequest, code: "BODY_INVALID",
            detail: "the body is not the JSON object that is wanted: \(reason)")
    }
}
