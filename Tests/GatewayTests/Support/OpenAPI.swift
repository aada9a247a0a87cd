import Foundation

/// As much of `protocol/openapi.yaml` as the tests compare with: its paths and methods, and the members
/// of its schemas, found by their indentation.
struct OpenAPI {
    private let lines: [String]

    static func document() throws -> OpenAPI {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../../protocol/openapi.yaml")
        let text = try String(contentsOf: file, encoding: .utf8)
        return OpenAPI(
            lines: text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
    }

    /// Such as `GET /v1/jobs/{id}`.
    var operations: Set<String> {
        var operations: Set<String> = []
        var path = ""
        for line in section("paths:") {
            if let name = key(line, indentation: 2) { path = name }
            if let method = key(line, indentation: 4), method != "parameters" {
                operations.insert("\(method.uppercased()) \(path)")
            }
        }
        return operations
    }

    /// Names of a schema's members.
    func members(of schema: String) -> Set<String> {
        var isInside = false
        var isAtMembers = false
        var members: Set<String> = []
        for line in section("components:") {
            if let name = key(line, indentation: 4) { isInside = name == schema }
            guard isInside else { continue }
            if let name = key(line, indentation: 6) { isAtMembers = name == "properties" }
            if isAtMembers, let name = key(line, indentation: 8) { members.insert(name) }
        }
        return members
    }

    private func section(_ title: String) -> ArraySlice<String> {
        let rest = lines.drop { $0 != title }.dropFirst()
        return rest.prefix { $0.isEmpty || $0.hasPrefix(" ") }
    }

    private func key(_ line: String, indentation: Int) -> String? {
        let spaces = line.prefix { $0 == " " }.count
        guard spaces == indentation, let end = line.firstIndex(of: ":") else { return nil }
        let name = line[..<end].drop { $0 == " " }
        return name.isEmpty || name.hasPrefix("#") || name.hasPrefix("-") ? nil : String(name)
    }
}
