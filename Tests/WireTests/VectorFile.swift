import Foundation
import Testing

/// A file of golden frames, `protocol/vectors/<message>.json`.
struct VectorFile: Sendable {
    /// In lower case, such as `job_page`.
    let name: String
    let vectors: [Vector]
}

/// One message and the frames it is.
struct Vector: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let channel: UInt16?
    let requestID: String
    /// Its fields, as `messages.json` names them.
    let message: JSON
    /// What its body is cut into; one frame when missing.
    let splitBytes: Int?
    /// Holds what a newer sender may send, and nothing here would write: to be read only.
    let readOnly: Bool?
    /// One string for each frame.
    let hex: [String]

    enum CodingKeys: String, CodingKey {
        case name, channel, message, hex
        case requestID = "request_id"
        case splitBytes = "split_bytes"
        case readOnly = "read_only"
    }

    var testDescription: String { name }
}

extension VectorFile {
    static let directory = Catalogue.directory.appending(path: "vectors")

    static func load(_ name: String) throws -> VectorFile {
        let data = try Data(contentsOf: url(name))
        return VectorFile(name: name, vectors: try JSONDecoder().decode([Vector].self, from: data))
    }

    static func url(_ name: String) -> URL { directory.appending(path: "\(name).json") }

    /// Whether `swift test` is to write the frames of new vectors into their files, by `messages.json`.
    static var isRecording: Bool {
        ProcessInfo.processInfo.environment["MARTLET_RECORD_VECTORS"] == "1"
    }

    /// Puts frames in the places of the old ones and leaves the rest of the file's text as it is.
    func record(_ frames: [[String]]) throws {
        var text = try String(contentsOf: VectorFile.url(name), encoding: .utf8)
        var replacements = frames.makeIterator()
        text.replace(#/"hex": \[[^\]]*\]/#) { match in
            guard let frames = replacements.next() else { return String(match.output) }
            let lines = frames.map { "\n      \"\($0)\"" }.joined(separator: ",")
            return "\"hex\": [\(lines)\n    ]"
        }
        try text.write(to: VectorFile.url(name), atomically: true, encoding: .utf8)
    }
}
