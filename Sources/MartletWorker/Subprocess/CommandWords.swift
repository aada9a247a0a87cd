/// Splits a command line into words by the quoting rules of the POSIX shell, without being one.
///
/// Blanks separate words. Single quotes take everything literally; double quotes do too, except that
/// a backslash escapes `"`, `\`, `$` and a backtick there. Outside quotes a backslash makes the next
/// character literal. A backslash before a line's end joins the two lines. Nothing is expanded: `$HOME`,
/// `*`, `|` and `#` are ordinary characters, which a caller who wants more gives to a shell.
package enum CommandWords {
    /// - Throws: ``CommandSyntaxError`` when a quote has no end, a backslash escapes nothing, or there
    ///   is no word at all.
    package static func split(_ line: String) throws(CommandSyntaxError) -> [String] {
        var scanner = Scanner(line)
        while let character = scanner.next() {
            switch character {
            case " ", "\t", "\n", "\r\n": scanner.endWord()
            case "'": try scanner.takeLiteral()
            case "\"": try scanner.takeQuoted()
            case "\\": try scanner.takeEscaped()
            default: scanner.append(character)
            }
        }
        scanner.endWord()
        guard let program = scanner.words.first, !program.isEmpty else { throw .empty }
        return scanner.words
    }
}

/// Why a command line could not be split into words.
package enum CommandSyntaxError: Error, Equatable, CustomStringConvertible {
    /// `position` is that of the opening quote, in characters, beginning with 1.
    case unbalancedQuote(Character, position: Int)
    case trailingBackslash
    /// No word, or an empty one where the program should be.
    case empty

    package var description: String {
        switch self {
        case .unbalancedQuote(let quote, let position):
            "the quote \(quote) at character \(position) of the command has no end"
        case .trailingBackslash: "the command ends in a backslash that escapes nothing"
        case .empty: "the command is empty"
        }
    }
}

/// Walks over the line and collects words; a word exists once it has a character or a pair of quotes.
private struct Scanner {
    private(set) var words: [String] = []
    private var word: String?
    private var rest: Substring
    private var position = 0

    init(_ line: String) {
        rest = line[...]
    }

    mutating func next() -> Character? {
        guard let character = rest.popFirst() else { return nil }
        position += 1
        return character
    }

    mutating func append(_ character: Character) {
        word = (word ?? "") + String(character)
    }

    mutating func endWord() {
        if let word { words.append(word) }
        word = nil
    }

    /// The rest of a single-quoted part.
    mutating func takeLiteral() throws(CommandSyntaxError) {
        let opening = position
        word = word ?? ""
        while let character = next() {
            if character == "'" { return }
            append(character)
        }
        throw .unbalancedQuote("'", position: opening)
    }

    /// The rest of a double-quoted part.
    mutating func takeQuoted() throws(CommandSyntaxError) {
        let opening = position
        word = word ?? ""
        while let character = next() {
            switch character {
            case "\"": return
            case "\\": takeEscapedInQuotes()
            default: append(character)
            }
        }
        throw .unbalancedQuote("\"", position: opening)
    }

    mutating func takeEscaped() throws(CommandSyntaxError) {
        guard let character = next() else { throw .trailingBackslash }
        if character != "\n" { append(character) }
    }

    /// Inside double quotes a backslash is itself, unless what follows would mean something there.
    private mutating func takeEscapedInQuotes() {
        switch rest.first {
        case "\n":
            _ = next()
        case "\"", "\\", "$", "`":
            if let character = next() { append(character) }
        default:
            append("\\")
        }
    }
}
