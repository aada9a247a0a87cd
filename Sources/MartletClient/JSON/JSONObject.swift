package import Foundation

/// One JSON object being written on one line, its members in the order in which they are set.
///
/// The command line and the HTTP front end print the same objects through it. Order is why it exists: people
/// look for `id` first, and Foundation's encoder either sorts or shuffles.
package struct JSONObject: Sendable {
    private var body = ""

    package init() {}

    /// The object as text, without a newline.
    package var text: String { "{\(body)}" }

    /// Sets a member to a string; `nil` is written as `null`, since a member that may be missing is
    /// harder to use than one that says that it is empty.
    package mutating func set(_ name: String, _ value: String?) {
        begin(name)
        if let value { appendQuoted(value) } else { body += "null" }
    }

    package mutating func set(_ name: String, _ value: (some FixedWidthInteger)?) {
        begin(name)
        body += value.map { String($0) } ?? "null"
    }

    package mutating func set(_ name: String, _ value: Bool) {
        begin(name)
        body += value ? "true" : "false"
    }

    /// Sets a member to a number; `nil` and what JSON has no number for are written as `null`.
    package mutating func set(_ name: String, _ value: Double?) {
        begin(name)
        if let value, value.isFinite { body += "\(value)" } else { body += "null" }
    }

    package mutating func set(_ name: String, _ value: JSONObject?) {
        begin(name)
        body += value?.text ?? "null"
    }

    package mutating func set(_ name: String, _ values: [JSONObject]) {
        begin(name)
        body += "[" + values.map(\.text).joined(separator: ",") + "]"
    }

    package mutating func set(_ name: String, _ values: [UInt64]) {
        begin(name)
        body += "[" + values.map(String.init).joined(separator: ",") + "]"
    }

    package mutating func set(_ name: String, _ values: [String]) {
        begin(name)
        body += "["
        for (index, value) in values.enumerated() {
            if index > 0 { body += "," }
            appendQuoted(value)
        }
        body += "]"
    }

    /// Sets a member to an object whose members are in the order of their names.
    package mutating func set(_ name: String, _ values: [String: String]) {
        var object = JSONObject()
        for (key, value) in values.sorted(by: { $0.key < $1.key }) { object.set(key, value) }
        set(name, object)
    }

    /// Sets a member to a time in milliseconds; by convention its name ends in `_ms`.
    package mutating func set(_ name: String, _ value: Duration?) {
        set(name, value.map { $0.milliseconds })
    }

    /// Sets a member to a fingerprint or a session: 16 hexadecimal digits, since numbers above 2⁵³ are
    /// rounded by many who read JSON.
    package mutating func set(_ name: String, hexadecimal value: UInt64?) {
        set(name, value.map { Hexadecimal.text($0) })
    }

    /// Sets a member to an instant, written as RFC 3339.
    package mutating func set(_ name: String, _ value: Date?) {
        set(name, value.map { RFC3339.text($0) })
    }

    private mutating func begin(_ name: String) {
        if !body.isEmpty { body += "," }
        appendQuoted(name)
        body += ":"
    }

    private mutating func appendQuoted(_ text: String) {
        body += "\""
        for scalar in text.unicodeScalars { appendEscaped(scalar) }
        body += "\""
    }

    private mutating func appendEscaped(_ scalar: Unicode.Scalar) {
        switch scalar {
        case "\"": body += "\\\""
        case "\\": body += "\\\\"
        case "\n": body += "\\n"
        case "\r": body += "\\r"
        case "\t": body += "\\t"
        case "\u{0}"..<"\u{20}", "\u{2028}", "\u{2029}":
            let digits = String(scalar.value, radix: 16)
            body += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: body.unicodeScalars.append(scalar)
        }
    }
}
