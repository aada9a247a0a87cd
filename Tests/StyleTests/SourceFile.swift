import Foundation
import Testing

/// A file of this repository, as text.
struct SourceFile: Sendable, CustomTestStringConvertible {
    /// From the repository's top, such as `Sources/Store/Store.swift`.
    let path: String
    let lines: [String]

    var testDescription: String { path }

    /// Whether it is part of the module `name`, sources or tests.
    func isIn(_ name: String) -> Bool { path.split(separator: "/").dropFirst().first == name[...] }

    /// Every Swift file of the repository.
    static let all: [SourceFile] = {
        let top = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return ["Sources", "Tests"].flatMap { swiftFiles(below: top.appending(path: $0), top: top) }
    }()

    static let sources = all.filter { $0.path.hasPrefix("Sources/") }

    private static func swiftFiles(below directory: URL, top: URL) -> [SourceFile] {
        let enumerator = FileManager.default.enumerator(
            at: directory, includingPropertiesForKeys: nil)
        let urls = enumerator?.compactMap { $0 as? URL } ?? []
        return urls.filter { $0.pathExtension == "swift" }.compactMap { url in
            guard let text = try? String(contentsOf: url, encoding: .utf8) else { return nil }
            let path = url.path.dropFirst(top.path.count).drop { $0 == "/" }
            return SourceFile(path: String(path), lines: text.components(separatedBy: "\n"))
        }
    }
}
