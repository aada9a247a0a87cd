import Foundation

/// JSON for programs that read line by line: one object, one line.
enum JSONLine {
    static func encode(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        } catch {
            preconditionFailure("our own types always encode: \(error)")
        }
    }

    static func write(_ value: some Encodable) {
        StandardOutput.write(line: encode(value))
    }
}
