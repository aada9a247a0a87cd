import Foundation
import Hummingbird
import MartletClient
import MartletWire
import NIOCore

/// What a request says beside its payload: query parameters, or the members of a JSON object; each
/// checked, none ignored.
struct RequestOptions {
    private var values: [String: JSONValue] = [:]
    /// In a query everything is text.
    private let isQuery: Bool
    /// A member that is `null` counts as not said: what a queue answers can be sent back to it.
    private let ignoresNull: Bool
    /// In front of names in sentences: that of the object which these are members of, and a dot.
    private let prefix: String

    /// - Throws: a `Problem` when a parameter is not one of `known`: a misspelt option that did
    ///   nothing would be found too late.
    init(_ request: Request, known: [String]) throws(Problem) {
        isQuery = true
        ignoresNull = false
        prefix = ""
        for (name, value) in request.uri.queryParameters {
            let name = String(name)
            guard known.contains(name) else { throw .optionUnknown(name, known: known) }
            let value = JSONValue.string(String(value))
            switch values[name] {
            case nil: values[name] = value
            case .array(let others): values[name] = .array(others + [value])
            case let other?: values[name] = .array([other, value])
            }
        }
    }

    /// - Throws: a `Problem` when a member is not one of `known`.
    init(
        _ members: [String: JSONValue], known: [String], ignoresNull: Bool = false,
        prefix: String = ""
    ) throws(Problem) {
        isQuery = false
        self.ignoresNull = ignoresNull
        self.prefix = prefix
        if let name = members.keys.sorted().first(where: { !known.contains($0) }) {
            throw .optionUnknown(prefix + name, known: known)
        }
        values = ignoresNull ? members.filter { $0.value != .null } : members
    }

    var isEmpty: Bool { values.isEmpty }

    func has(_ name: String) -> Bool { values[name] != nil }

    // MARK: One value

    func text(_ name: String) throws(Problem) -> String? {
        guard let value = values[name] else { return nil }
        guard case .string(let text) = value else { throw invalid(name, "a text") }
        return text
    }

    func integer(_ name: String, in range: ClosedRange<Int>) throws(Problem) -> Int? {
        guard let value = values[name] else { return nil }
        let integer: Int? =
            switch value {
            case .integer(let number) where !isQuery: Int(number)
            case .string(let text) where isQuery: Int(text)
            default: nil
            }
        guard let integer, range.contains(integer) else {
            throw invalid(
                name, "a number from \(range.lowerBound.grouped) to \(range.upperBound.grouped)")
        }
        return integer
    }

    func number(_ name: String, in range: ClosedRange<Double>) throws(Problem) -> Double? {
        guard let value = values[name] else { return nil }
        let number: Double? =
            switch value {
            case .integer(let number) where !isQuery: Double(number)
            case .number(let number) where !isQuery: number
            case .string(let text) where isQuery: Double(text)
            default: nil
            }
        guard let number, range.contains(number) else {
            throw invalid(name, "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// Larger integers are rounded by many who write JSON.
    static let integerMax = 1 << 53

    /// How long to wait, in seconds, decimals allowed; zero when it is not said.
    func wait(max: TimeAmount) throws(Problem) -> Duration {
        let seconds = Double(max.nanoseconds) / 1e9
        return .seconds(try number("wait", in: 0...seconds) ?? 0)
    }

    /// A time in whole milliseconds.
    func milliseconds(_ name: String, in range: ClosedRange<UInt64>) throws(Problem) -> Duration? {
        let bounds = Int(range.lowerBound)...Int(range.upperBound)
        return try integer(name, in: bounds).map { .milliseconds($0) }
    }

    /// `true` or `false`; false when it is not said.
    func flag(_ name: String) throws(Problem) -> Bool {
        switch values[name] {
        case nil: return false
        case .boolean(let value) where !isQuery: return value
        case .string("true") where isQuery: return true
        case .string("false") where isQuery: return false
        case .some: throw invalid(name, "true or false")
        }
    }

    /// An instant as RFC 3339 has it.
    func instant(_ name: String) throws(Problem) -> Date? {
        guard let value = values[name] else { return nil }
        guard case .string(let text) = value, let date = Date(rfc3339: text) else {
            throw invalid(name, "a time such as 2026-11-21T22:43:40.123Z")
        }
        return date
    }

    func choice<Choice>(
        _ name: String, _ choices: KeyValuePairs<String, Choice>
    ) throws(Problem) -> Choice? {
        guard let value = values[name] else { return nil }
        for choice in choices where value == .string(choice.key) { return choice.value }
        throw invalid(name, choices.map(\.key).joined(separator: ", "))
    }

    /// A fingerprint or a session: 1 to 16 hexadecimal digits.
    func hexadecimal(_ name: String) throws(Problem) -> UInt64? {
        guard let text = try text(name) else { return nil }
        guard let number = Hexadecimal.number(text) else {
            throw invalid(name, "1 to 16 hexadecimal digits")
        }
        return number
    }

    /// An event's offset: digits, as a text, since it is above 2⁵³.
    func offset(_ name: String) throws(Problem) -> UInt64? {
        guard let text = try text(name) else { return nil }
        guard let offset = UInt64(text) else { throw invalid(name, "an event's offset") }
        return offset
    }

    // MARK: Many values

    /// A text, or several of them; in a query, one after the other.
    func texts(_ name: String) throws(Problem) -> [String] {
        switch values[name] {
        case nil: return []
        case .string(let text): return [text]
        case .array(let values):
            var texts: [String] = []
            for value in values {
                guard case .string(let text) = value else { throw invalid(name, "texts") }
                texts.append(text)
            }
            return texts
        case .some: throw invalid(name, "a text, or an array of texts")
        }
    }

    /// Names and texts: an object, or in a query one `name:value` after the other.
    func pairs(_ name: String) throws(Problem) -> [String: String] {
        if isQuery {
            var pairs: [String: String] = [:]
            for text in try texts(name) {
                let parts = text.split(
                    separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2 else { throw invalid(name, "a name, a colon and a value") }
                pairs[String(parts[0])] = parts[1].trimmingCharacters(in: .whitespaces)
            }
            return pairs
        }
        guard let value = values[name] else { return [:] }
        guard case .object(let members) = value else { throw invalid(name, "an object of texts") }
        var pairs: [String: String] = [:]
        for (key, value) in members {
            guard case .string(let text) = value else { throw invalid(name, "an object of texts") }
            pairs[key] = text
        }
        return pairs
    }

    /// The members of an object in here.
    func object(_ name: String, known: [String]) throws(Problem) -> RequestOptions? {
        guard let value = values[name] else { return nil }
        guard case .object(let members) = value else { throw invalid(name, "an object") }
        return try RequestOptions(
            members, known: known, ignoresNull: ignoresNull, prefix: "\(prefix)\(name).")
    }

    func invalid(_ name: String, _ wanted: String) -> Problem {
        .optionInvalid(prefix + name, values[name] ?? .null, wanted: wanted)
    }
}
