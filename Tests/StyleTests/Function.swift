/// A function of a formatted file: from its `func` or `init` line to the brace that closes it.
struct Function {
    /// Counted from 1.
    let line: Int
    let lineCount: Int

    /// The formatter indents by four and puts the closing brace under the declaration's first
    /// letter; so indentation alone tells where a function ends.
    static func all(in lines: [String]) -> [Function] {
        lines.indices.compactMap { index in
            guard isDeclaration(lines[index]) else { return nil }
            let indentation = String(lines[index].prefix { $0 == " " })
            let closing = indentation + "}"
            // The body opens on this line or, when the parameters fill lines of their own, on a
            // later one.
            guard let end = lines[index...].firstIndex(where: { $0 == closing }),
                !lines[(index + 1)...end].dropLast().contains(where: {
                    isDeclaration($0, at: indentation)
                })
            else { return nil }
            return Function(line: index + 1, lineCount: end - index + 1)
        }
    }

    private static func isDeclaration(_ line: String, at indentation: String? = nil) -> Bool {
        let code = line.trimmed
        guard !code.hasPrefix("//") else { return false }
        if let indentation, line.prefix(while: { $0 == " " }) != indentation[...] { return false }
        let words = code.split(separator: " ").prefix { !$0.contains("(") || $0.hasPrefix("init") }
        return words.contains("func") || code.hasPrefix("init(") || code.contains(" init(")
    }
}

extension String {
    var trimmed: Substring {
        drop { $0 == " " }
    }

    /// Whether `word` occurs where no longer word surrounds it.
    func containsWord(_ word: String) -> Bool {
        var rest = self[...]
        while let found = rest.firstRange(of: word) {
            let before = self[..<found.lowerBound].last
            let after = self[found.upperBound...].first
            if !Self.isWordPart(before), !Self.isWordPart(after) || word.hasSuffix("(") {
                return true
            }
            rest = self[found.upperBound...]
        }
        return false
    }

    private static func isWordPart(_ character: Character?) -> Bool {
        guard let character else { return false }
        return character.isLetter || character.isNumber || character == "_" || character == "."
    }
}

extension SourceFile {
    /// Lines with their indices, but for those that are comments.
    var codeLines: [(Int, String)] {
        lines.enumerated().filter { !$0.element.trimmed.hasPrefix("//") }.map {
            ($0.offset, $0.element)
        }
    }
}
